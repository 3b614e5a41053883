// SPDX-License-Identifier: GPL-2.0-only
#include <linux/minmax.h>

#include "search/select.h"

/*
 * Bisection between the smallest and the largest key: unlike a pivot, it leaves a
 * chosen input no way to more than 64 passes.
 */
void vexfs_select_cut(struct vexfs_select *select)
{
	u64 *keys = select->keys, low, high, middle, key;
	u32 in = 0, out = select->count, at, i;

	if (select->count <= select->want)
		return;

	/* Keys before @in are wanted, those from @out on are not. */
	while (in < select->want) {
		low = keys[in];
		high = keys[in];
		for (i = in + 1; i < out; i++) {
			low = min(low, keys[i]);
			high = max(high, keys[i]);
		}
		middle = low + (high - low) / 2;
		for (at = in, i = in; i < out; i++) {
			key = keys[i];
			keys[i] = keys[at];
			keys[at] = key;
			at += key <= middle;
		}
		if (at <= select->want)
			in = at;
		else
			out = at;
	}

	select->count = select->want;
	select->bound = 0;
	for (i = 0; i < select->want; i++)
		select->bound = max(select->bound, keys[i]);
}

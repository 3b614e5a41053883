// SPDX-License-Identifier: GPL-2.0-only
#include <linux/compiler.h>
#include <linux/minmax.h>

#include "search/select.h"
#include "search/sums.h"

static u32 bin_of(const struct vexfs_sums *sums, u64 key)
{
	return (u32)(key >> 32) >> sums->shift;
}

static void clear_bins(struct vexfs_sums *sums)
{
	u64 *pairs = (u64 *)sums->bins;
	u32 i;

	/* Not memset(), which takes an instruction a byte where it is REP STOSB. */
	for (i = 0; i < VEXFS_SUM_BINS / 2; i++)
		WRITE_ONCE(pairs[i], 0);
}

void vexfs_sums_init(struct vexfs_sums *sums, u32 largest)
{
	sums->count = 0;
	sums->within = 0;
	for (sums->shift = 0; largest >> sums->shift >= VEXFS_SUM_BINS;)
		sums->shift++;
	sums->last = largest >> sums->shift;
	sums->limit = largest + 1;
	clear_bins(sums);
}

void vexfs_sums_added(struct vexfs_sums *sums, u32 added)
{
	u32 i;

	for (i = 0; i < added; i++)
		sums->bins[bin_of(sums, sums->keys[sums->count + i])]++;
	sums->count += added;
	sums->within += added;

	while (sums->within - sums->bins[sums->last] >= sums->want)
		sums->within -= sums->bins[sums->last--];
	sums->limit = min(sums->limit, (sums->last + 1) << sums->shift);
}

void vexfs_sums_cut(struct vexfs_sums *sums)
{
	struct vexfs_select select = {
		.keys = sums->keys,
		.want = sums->want,
		.count = sums->count,
	};
	u32 bound;

	vexfs_select_cut(&select);
	/* Rows ascend: one with the sum of the worst so far is the greater key. */
	bound = select.bound >> 32;
	sums->limit = min(sums->limit, bound);
	sums->last = bound >> sums->shift;
	sums->count = 0;
	sums->within = 0;
	clear_bins(sums);
	vexfs_sums_added(sums, select.count);
}

void vexfs_sums_finish(struct vexfs_sums *sums)
{
	u64 *keys = sums->keys, key;
	struct vexfs_select rest;
	u32 in, at, i;

	for (in = 0, i = 0; i < sums->count; i++) {
		key = keys[i];
		keys[in] = key;
		in += bin_of(sums, key) <= sums->last;
	}
	sums->count = in;
	if (in <= sums->want)
		return;

	/* Of the last bin only some are wanted. */
	for (at = 0, i = 0; i < in; i++) {
		key = keys[i];
		keys[i] = keys[at];
		keys[at] = key;
		at += bin_of(sums, key) < sums->last;
	}
	rest = (struct vexfs_select){
		.keys = keys + at,
		.want = sums->want - at,
		.count = in - at,
	};
	vexfs_select_cut(&rest);
	sums->count = sums->want;
}

// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitops.h>

#include "search/filter.h"

u32 vexfs_filter_below(const struct vexfs_filter *filter, u32 end)
{
	u32 word = end / 64, below, i;

	if (word >= filter->count)
		return filter->rows;
	below = filter->before[word / VEXFS_FILTER_BLOCK];
	for (i = word - word % VEXFS_FILTER_BLOCK; i < word; i++)
		below += hweight64(filter->words[i]);
	return below + hweight64(filter->words[word] & ((1ULL << end % 64) - 1));
}

u32 vexfs_filter_list(const struct vexfs_filter *filter, u32 word, u32 first, u32 end, u32 *list)
{
	u64 left = filter->words[word];
	u32 count = 0, row;

	for (; left; left &= left - 1) {
		row = word * 64 + __ffs64(left);
		if (row >= first && row < end)
			list[count++] = row;
	}
	return count;
}

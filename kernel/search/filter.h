/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Filters: sets of rows, to which a search keeps.
 */
#ifndef VEXFS_FILTER_H
#define VEXFS_FILTER_H

#include <linux/types.h>

/* Words of which the rows before them are counted together. */
#define VEXFS_FILTER_BLOCK	64U

/**
 * struct vexfs_filter - a set of rows
 * @words: bit r % 64 of word r / 64 stands for row r
 * @before: how many rows there are before each block of words
 * @count: how many words; rows beyond these are not in the filter
 * @rows: how many rows there are in all
 */
struct vexfs_filter {
	const u64 *words;
	const u32 *before;
	u32 count;
	u32 rows;
};

static inline bool vexfs_filter_has(const struct vexfs_filter *filter, u32 row)
{
	return row / 64 < filter->count && filter->words[row / 64] >> row % 64 & 1;
}

/* How many rows below @end the filter has. */
u32 vexfs_filter_below(const struct vexfs_filter *filter, u32 end);

/*
 * Lists the filter's rows of one word, of those from @first to before @end.  There is room
 * for 64.  Returns how many these are.
 */
u32 vexfs_filter_list(const struct vexfs_filter *filter, u32 word, u32 first, u32 end, u32 *list);

#endif /* VEXFS_FILTER_H */

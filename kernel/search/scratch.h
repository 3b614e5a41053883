/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory for one search of an index: kept with the index for the next one, since
 * the kernel zeroes what it hands out.
 */
#ifndef VEXFS_SCRATCH_H
#define VEXFS_SCRATCH_H

#include <linux/types.h>

struct vexfs_index;

/*
 * A set of numbers, as a bitmap.  The numbers that are put into it are also listed, as
 * far as there is room: it is emptied by them or, if it holds many, as a whole.
 */
struct vexfs_set {
	u64 *words;
	u32 *list;
	u32 word_count;
	u32 listed;
	u32 room;	/* of the list, less the entries that are added at a time */
	bool overflown;	/* the list began anew */
};

struct vexfs_scratch {
	size_t bytes;
	struct vexfs_set set;	/* empty between two searches */
	u8 memory[] __aligned(64);
};

/*
 * Memory for a set of numbers below @numbers, of which @batch are listed at a time (0:
 * none, and the caller empties the set), and @bytes more, whose start is returned in
 * @memory, aligned to 64.  NULL if there is none.
 */
struct vexfs_scratch *vexfs_scratch_get(struct vexfs_index *index, u32 numbers, u32 batch,
					size_t bytes, void **memory);

/* What an index that covers @rows rows keeps of it between two searches, at most. */
u64 vexfs_scratch_kept(u32 rows);

/* Empties the set and leaves the memory to the index. */
void vexfs_scratch_put(struct vexfs_index *index, struct vexfs_scratch *scratch);

/* Where the next numbers are to be listed: there is room for a batch. */
static inline u32 *vexfs_set_list(struct vexfs_set *set)
{
	if (set->listed > set->room) {
		set->listed = 0;
		set->overflown = true;
	}
	return set->list + set->listed;
}

/* Puts a number into the set.  Returns whether it was not there before. */
static inline bool vexfs_set_add(struct vexfs_set *set, u32 number)
{
	u64 *word = &set->words[number / 64], old = *word;
	u64 bit = 1ULL << number % 64;

	*word = old | bit;
	return !(old & bit);
}

#endif /* VEXFS_SCRATCH_H */

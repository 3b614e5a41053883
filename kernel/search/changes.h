/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rows that an index covers, but that are no longer what they were when it was built: by blocks,
 * of which the index has fingerprints.
 */
#ifndef VEXFS_CHANGES_H
#define VEXFS_CHANGES_H

#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/types.h>

#include "uapi/vexfs_index.h"

/**
 * struct vexfs_changes - a set of blocks of covered rows
 * @covered: rows that the index covers
 * @rows: how many rows the blocks have
 * @words: bit b % 64 of word b / 64 stands for block b
 */
struct vexfs_changes {
	u32 covered;
	u32 rows;
	u64 words[];
};

static inline u32 vexfs_blocks_of(u32 covered)
{
	return DIV_ROUND_UP_ULL(covered, VEXFS_INDEX_BLOCK);
}

/* How many words there are. */
static inline u32 vexfs_changes_words(u32 covered)
{
	return DIV_ROUND_UP(vexfs_blocks_of(covered), 64);
}

static inline bool vexfs_changes_has_block(const struct vexfs_changes *changes, u32 block)
{
	return changes->words[block / 64] >> block % 64 & 1;
}

static inline bool vexfs_changes_has(const struct vexfs_changes *changes, u32 row)
{
	return vexfs_changes_has_block(changes, row / VEXFS_INDEX_BLOCK);
}

/* The row behind the last one of a block. */
static inline u32 vexfs_block_end(u32 covered, u32 block)
{
	return min_t(u64, covered, (u64)(block + 1) * VEXFS_INDEX_BLOCK);
}

/* Puts a block into the set, or takes it out. */
static inline void vexfs_changes_set(struct vexfs_changes *changes, u32 block, bool changed)
{
	const u32 rows = vexfs_block_end(changes->covered, block) - block * VEXFS_INDEX_BLOCK;

	if (vexfs_changes_has_block(changes, block) == changed)
		return;
	changes->words[block / 64] ^= 1ULL << block % 64;
	changes->rows += changed ? rows : -rows;
}

#endif /* VEXFS_CHANGES_H */

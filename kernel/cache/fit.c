// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "cache/block.h"
#include "cache/fit.h"
#include "cache/reading.h"
#include "cache/snapshot.h"
#include "search/index.h"
#include "search/loader.h"

u64 vexfs_fit_bytes(u32 covered)
{
	return sizeof(struct vexfs_fit) + sizeof(u64) * (u64)vexfs_changes_words(covered);
}

/* One that starts from what is known of another snapshot, if anything is. */
static struct vexfs_fit *alloc_fit(u32 covered, const struct vexfs_snapshot *snapshot,
				   const struct vexfs_fit *last)
{
	struct vexfs_fit *fit = kvzalloc(vexfs_fit_bytes(covered), VEXFS_GFP_COPY);

	if (!fit)
		return NULL;
	if (last) {
		/* FORTIFY_SOURCE takes the struct to end where its words begin. */
		memcpy(fit->changes.words, last->changes.words,
		       array_size(vexfs_changes_words(covered), sizeof(u64)));
		fit->changes.rows = last->changes.rows;
	}
	refcount_set(&fit->users, 1);
	fit->generation = snapshot->copy.generation;
	fit->line = snapshot->line.number;
	fit->changes.covered = covered;
	return fit;
}

struct vexfs_fit *vexfs_fit_whole(u32 covered, const struct vexfs_snapshot *snapshot)
{
	return alloc_fit(covered, snapshot, NULL);
}

/* Looks at all blocks that have a row of pieces that were read after @last. */
static int compare_pieces(const struct vexfs_index *index, const struct vexfs_fit *last,
			  const struct vexfs_snapshot *snapshot, struct vexfs_changes *changes)
{
	const struct vexfs_rows *rows = &snapshot->rows;
	u32 piece, first, end, next = 0;
	u64 behind;
	int err = 0;

	for (piece = 0; piece < snapshot->pieces && !err; piece++) {
		first = piece << rows->shift;
		if (first >= index->rows)
			break;
		if (!snapshot->own || !snapshot->own[piece] ||
		    snapshot->own[piece]->number <= last->generation)
			continue;
		behind = min_t(u64, index->rows, (u64)(piece + 1) << rows->shift);
		first = max(first / VEXFS_INDEX_BLOCK, next);
		end = DIV_ROUND_UP_ULL(behind, VEXFS_INDEX_BLOCK);
		next = end;
		if (first < end)
			err = vexfs_index_compare_blocks(index, rows, first, end, changes);
	}
	return err;
}

struct vexfs_fit *vexfs_fit_find(const struct vexfs_index *index, const struct vexfs_fit *last,
				 const struct vexfs_snapshot *snapshot)
{
	const u32 covered = index->rows;
	struct vexfs_fit *fit;
	int err;

	/* A search may still be at an older snapshot than another one. */
	if (last && (last->line != snapshot->line.number ||
		     last->generation > snapshot->copy.generation))
		last = NULL;
	fit = alloc_fit(covered, snapshot, last);
	if (!fit)
		return ERR_PTR(-ENOMEM);
	if (last)
		err = compare_pieces(index, last, snapshot, &fit->changes);
	else
		err = vexfs_index_compare_blocks(index, &snapshot->rows, 0,
						 vexfs_blocks_of(covered), &fit->changes);
	if (!err && fit->changes.rows == covered)
		err = -ESTALE;
	if (err) {
		vexfs_fit_put(fit);
		return ERR_PTR(err);
	}
	return fit;
}

struct vexfs_fit *vexfs_fit_get(struct vexfs_fit __rcu **kept)
{
	struct vexfs_fit *fit;

	rcu_read_lock();
	fit = rcu_dereference(*kept);
	if (fit && !refcount_inc_not_zero(&fit->users))
		fit = NULL;
	rcu_read_unlock();
	return fit;
}

void vexfs_fit_keep(struct vexfs_fit __rcu **kept, struct vexfs_fit *fit)
{
	if (fit)
		refcount_inc(&fit->users);
	vexfs_fit_put(unrcu_pointer(xchg(kept, RCU_INITIALIZER(fit))));
}

void vexfs_fit_put(struct vexfs_fit *fit)
{
	if (fit && refcount_dec_and_test(&fit->users))
		kvfree_rcu(fit, rcu);
}

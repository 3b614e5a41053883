// SPDX-License-Identifier: GPL-2.0-only
#include <linux/dcache.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "cache/budget.h"
#include "cache/record.h"
#include "cache/stamp.h"

void vexfs_recorder_init(struct vexfs_recorder *recorder)
{
	atomic_set(&recorder->writers, 0);
	spin_lock_init(&recorder->lock);
	recorder->record = NULL;
	recorder->change = 0;
}

void vexfs_recorder_destroy(struct vexfs_recorder *recorder)
{
	kfree(recorder->record);
}

/*
 * Has nobody but us the file open for writing?  A lower file of ours that is about to be
 * closed counts as somebody else's, so that this errs to one side only.
 */
static bool only_we_write(const struct vexfs_recorder *recorder, const struct path *lower)
{
	const int ours = atomic_read(&recorder->writers);

	/* Beneath overlayfs, each of ours has one there. */
	return atomic_read(&d_inode(lower->dentry)->i_writecount) == ours &&
	       atomic_read(&d_real_inode(lower->dentry)->i_writecount) == ours;
}

/* A record of no change. */
static void start(struct vexfs_recorder *recorder, const struct vexfs_copy *snapshot)
{
	struct vexfs_record *record = recorder->record;

	spin_lock(&recorder->lock);
	record->generation = snapshot->generation;
	record->stamp = snapshot->stamp;
	record->begun = ktime_get();
	record->least = snapshot->stamp.size;
	record->count = 0;
	spin_unlock(&recorder->lock);
}

/* Is the file, before the change, as the record says? */
static bool is_known(struct vexfs_recorder *recorder, const struct vexfs_copy *snapshot,
		     const struct path *lower, u64 before)
{
	struct vexfs_record *new;

	if (!recorder->record) {
		new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
		if (!new)
			return false;
		/* Pairs with vexfs_record_get(): who sees it sees that it is empty. */
		smp_store_release(&recorder->record, new);
	}
	if (recorder->record->generation != snapshot->generation)
		start(recorder, snapshot);
	/* That is cheaper to look at than the file. */
	return recorder->record->stamp.changes == before &&
	       vexfs_stamp_holds(&recorder->record->stamp, lower, before) &&
	       only_we_write(recorder, lower);
}

static void forget(struct vexfs_recorder *recorder)
{
	if (!recorder->record)
		return;
	spin_lock(&recorder->lock);
	recorder->record->generation = 0;
	spin_unlock(&recorder->lock);
}

void vexfs_record_begin(struct vexfs_recorder *recorder, const struct vexfs_copy *snapshot,
			const struct path *lower, const atomic64_t *changes)
{
	const u64 change = atomic64_read(changes);

	if (is_known(recorder, snapshot, lower, change - 1))
		recorder->change = change;
	else
		forget(recorder);
}

/* Returns false if there are too many. */
static bool record_range(struct vexfs_record *record, struct vexfs_range add)
{
	u32 i = 0;

	add.to = min(add.to, record->least);
	if (add.from >= add.to)
		return true;
	while (i < record->count) {
		if (add.from > record->range[i].to || add.to < record->range[i].from) {
			i++;
			continue;
		}
		add.from = min(add.from, record->range[i].from);
		add.to = max(add.to, record->range[i].to);
		record->range[i] = record->range[--record->count];
		i = 0;
	}
	if (record->count == VEXFS_RECORD_RANGES)
		return false;
	record->range[record->count++] = add;
	return true;
}

void vexfs_record_end(struct vexfs_recorder *recorder, const struct path *lower,
		      const atomic64_t *changes, struct vexfs_range touched)
{
	const u64 change = recorder->change;
	struct vexfs_record *record = recorder->record;
	struct vexfs_stamp stamp;

	recorder->change = 0;
	/* A mapping that was made meanwhile has counted as well. */
	if (atomic64_read(changes) != change ||
	    vexfs_stamp_look(&stamp, lower, change + 1) || !only_we_write(recorder, lower)) {
		forget(recorder);
		return;
	}
	if (touched.from < 0 || touched.to < touched.from)
		touched = VEXFS_WHOLE_FILE;

	spin_lock(&recorder->lock);
	/* What is no proof for long is none for what comes after it. */
	stamp.stale = min(stamp.stale, record->stamp.stale);
	record->stamp = stamp;
	record->least = min(record->least, stamp.size);
	if (!record_range(record, touched))
		record->generation = 0;
	spin_unlock(&recorder->lock);
}

bool vexfs_record_get(struct vexfs_recorder *recorder, const struct vexfs_copy *snapshot,
		      struct vexfs_record *record)
{
	/* The first change makes it, and it stays.  Pairs with is_known(). */
	const struct vexfs_record *latest = smp_load_acquire(&recorder->record);

	if (!latest)
		return false;
	spin_lock(&recorder->lock);
	*record = *latest;
	spin_unlock(&recorder->lock);
	return record->generation == snapshot->generation;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The last snapshot of a file is kept with its inode, for as long as its stamp
 * holds (stamp.c) and the budget has room for it (budget.c).  The next one is made from it
 * where it is known what has changed (record.h), else by reading the file.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/minmax.h>
#include <linux/timekeeping.h>

#include "cache/attempt.h"
#include "cache/lower.h"
#include "cache/patch.h"
#include "cache/reading.h"
#include "cache/record.h"
#include "cache/snapshot.h"
#include "cache/stamp.h"
#include "cache/vectors.h"

void vexfs_vectors_init(struct vexfs_vectors *vectors)
{
	atomic64_set(&vectors->changes, 0);
	mutex_init(&vectors->loading);
	RCU_INIT_POINTER(vectors->slot, NULL);
	vexfs_recorder_init(&vectors->recorder);
}

static void keep(struct vexfs_vectors *vectors, struct super_block *sb,
		 struct vexfs_snapshot *snapshot)
{
	vexfs_copy_keep(&vexfs_sb(sb)->budget, &vectors->slot,
			snapshot ? &snapshot->copy : NULL);
}

void vexfs_vectors_destroy(struct vexfs_vectors *vectors, struct super_block *sb)
{
	keep(vectors, sb, NULL);
	vexfs_recorder_destroy(&vectors->recorder);
}

void vexfs_vectors_changing(struct vexfs_vectors *vectors, const struct super_block *sb,
			    const struct path *lower)
{
	struct vexfs_copy *copy = vexfs_copy_get(&vectors->slot);
	const struct cred *caller;

	vexfs_change_begin(&vectors->changes);
	/* Most files that are written to have no rows that anybody keeps. */
	if (!copy)
		return;
	caller = vexfs_act_as_mounter(sb);
	vexfs_record_begin(&vectors->recorder, copy, lower, &vectors->changes);
	revert_creds(caller);
	vexfs_copy_put(copy);
}

void vexfs_vectors_changed(struct vexfs_vectors *vectors, const struct super_block *sb,
			   const struct path *lower, struct vexfs_range touched)
{
	const struct cred *caller;

	if (vexfs_record_is_open(&vectors->recorder)) {
		caller = vexfs_act_as_mounter(sb);
		vexfs_record_end(&vectors->recorder, lower, &vectors->changes, touched);
		revert_creds(caller);
	}
	vexfs_change_end(&vectors->changes);
}

static struct vexfs_snapshot *get_cached(struct vexfs_vectors *vectors,
					 const struct path *lower)
{
	struct vexfs_copy *copy = vexfs_copy_get(&vectors->slot);

	if (!copy)
		return NULL;
	if (vexfs_stamp_holds(&copy->stamp, lower, vexfs_changes(&vectors->changes))) {
		vexfs_copy_touch(copy);
		return container_of(copy, struct vexfs_snapshot, copy);
	}
	vexfs_copy_put(copy);
	return NULL;
}

static struct vexfs_snapshot *read_lower(struct vexfs_vectors *vectors, struct inode *inode,
					 struct file *lower)
{
	struct vexfs_budget *budget = &vexfs_sb(inode->i_sb)->budget;
	struct vexfs_attempt attempt = { .inode = inode, .changes = &vectors->changes };
	struct vexfs_snapshot *snapshot = NULL;
	struct vexfs_stamp stamp;
	bool again;
	int err;

	do {
		vexfs_snapshot_put(snapshot);
		snapshot = NULL;
		err = vexfs_attempt_begin(&attempt);
		if (err)
			break;
		again = false;
		err = vexfs_stamp_take(&stamp, &lower->f_path, attempt.before);
		if (!err) {
			snapshot = vexfs_snapshot_read(budget, lower, stamp.size, &attempt);
			err = PTR_ERR_OR_ZERO(snapshot);
			/* What changes may appear malformed. */
			if (!err || err == -EBADMSG || err == -EFBIG)
				again = vexfs_attempt_torn(&attempt, &stamp, &lower->f_path, !err);
		}
		vexfs_attempt_end(&attempt);
		if (err)
			snapshot = NULL;
		else
			snapshot->copy.stamp = stamp;
	} while (again);
	return err ? ERR_PTR(err) : snapshot;
}

/* When a snapshot that is made from the old one by the record is no longer believed. */
static ktime_t end_of_line(const struct vexfs_snapshot *old, const struct vexfs_record *record)
{
	const u64 ns = max_t(u64, VEXFS_RECORD_NS, VEXFS_RECORD_LOADS * old->line.load_ns);
	const ktime_t end = ktime_add_ns(record->begun, ns);

	return min(old->line.end, end);
}

/* What the file is now, if all that has changed since the old snapshot is known. */
static struct vexfs_snapshot *patch_once(struct vexfs_vectors *vectors, struct file *lower,
					 const struct vexfs_snapshot *old,
					 const struct vexfs_attempt *attempt)
{
	struct vexfs_snapshot *snapshot;
	struct vexfs_record record;
	struct vexfs_stamp stamp;
	ktime_t end;

	if (!vexfs_record_get(&vectors->recorder, &old->copy, &record) ||
	    vexfs_stamp_take(&stamp, &lower->f_path, attempt->before) ||
	    !vexfs_stamp_same(&stamp, &record.stamp))
		return ERR_PTR(-ENODATA);
	end = end_of_line(old, &record);
	stamp.stale = min3(stamp.stale, record.stamp.stale, end);
	if (!ktime_before(ktime_get(), stamp.stale))
		return ERR_PTR(-ENODATA);

	snapshot = vexfs_snapshot_patch(old, lower, &record, attempt);
	if (!IS_ERR(snapshot)) {
		snapshot->copy.stamp = stamp;
		snapshot->line.end = end;
	}
	return snapshot;
}

/* Makes the next snapshot from the last one, or an error: then the file is to be read. */
static struct vexfs_snapshot *patch_lower(struct vexfs_vectors *vectors, struct inode *inode,
					  struct file *lower)
{
	struct vexfs_attempt attempt = { .inode = inode, .changes = &vectors->changes };
	struct vexfs_copy *old = vexfs_copy_get(&vectors->slot);
	struct vexfs_snapshot *snapshot = ERR_PTR(-ENODATA);
	bool again;
	int err;

	if (!old)
		return snapshot;
	do {
		if (!IS_ERR(snapshot))
			vexfs_snapshot_put(snapshot);
		err = vexfs_attempt_begin(&attempt);
		if (err) {
			snapshot = ERR_PTR(err);
			break;
		}
		snapshot = patch_once(vectors, lower,
				      container_of(old, struct vexfs_snapshot, copy), &attempt);
		/* Pairs with vexfs_change_begin(), as in vexfs_attempt_torn(). */
		smp_rmb();
		again = vexfs_attempt_disturbed(&attempt);
		vexfs_attempt_end(&attempt);
	} while (again);
	vexfs_copy_put(old);
	return snapshot;
}

/*
 * Reads through a file of our own, since the caller's may be open for direct I/O, and as
 * the one who mounted: that the caller may read was asked when the file was opened.
 */
static struct vexfs_snapshot *load(struct vexfs_vectors *vectors, struct file *file)
{
	struct inode *inode = file_inode(file);
	const struct cred *caller = vexfs_act_as_mounter(inode->i_sb);
	struct vexfs_snapshot *snapshot;
	struct file *lower;

	lower = vexfs_open_to_read(&vexfs_lower_file(file)->f_path, vexfs_sb(inode->i_sb)->cred);
	if (IS_ERR(lower)) {
		snapshot = ERR_CAST(lower);
	} else {
		snapshot = patch_lower(vectors, inode, lower);
		if (IS_ERR(snapshot)) {
			/* What is out of date need not take memory beside the new one. */
			keep(vectors, inode->i_sb, NULL);
			snapshot = read_lower(vectors, inode, lower);
		}
		fput(lower);
	}
	revert_creds(caller);
	return snapshot;
}

struct vexfs_snapshot *vexfs_vectors_get(struct vexfs_vectors *vectors, struct file *file)
{
	const struct path *lower = &vexfs_lower_file(file)->f_path;
	struct super_block *sb = file_inode(file)->i_sb;
	struct vexfs_snapshot *snapshot;

	snapshot = get_cached(vectors, lower);
	if (snapshot)
		return snapshot;

	if (mutex_lock_killable(&vectors->loading))
		return ERR_PTR(-EINTR);
	/* Somebody else may have loaded it in the meantime. */
	snapshot = get_cached(vectors, lower);
	if (!snapshot) {
		snapshot = load(vectors, file);
		keep(vectors, sb, IS_ERR(snapshot) ? NULL : snapshot);
	}
	mutex_unlock(&vectors->loading);
	return snapshot;
}

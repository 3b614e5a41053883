// SPDX-License-Identifier: GPL-2.0-only
/*
 * The last snapshot of a file is kept with its inode, for as long as its stamp
 * holds (stamp.c) and the budget has room for it (budget.c).
 */
#include <linux/err.h>
#include <linux/file.h>

#include "cache/attempt.h"
#include "cache/lower.h"
#include "cache/reading.h"
#include "cache/snapshot.h"
#include "cache/stamp.h"
#include "cache/vectors.h"

void vexfs_vectors_init(struct vexfs_vectors *vectors)
{
	atomic64_set(&vectors->changes, 0);
	mutex_init(&vectors->loading);
	RCU_INIT_POINTER(vectors->slot, NULL);
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
		snapshot = read_lower(vectors, inode, lower);
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
		/* What is out of date need not take memory beside the new one. */
		keep(vectors, sb, NULL);
		snapshot = load(vectors, file);
		if (!IS_ERR(snapshot))
			keep(vectors, sb, snapshot);
	}
	mutex_unlock(&vectors->loading);
	return snapshot;
}

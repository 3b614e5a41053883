// SPDX-License-Identifier: GPL-2.0-only
/*
 * The last snapshot of a file is kept with its inode, for as long as its stamp
 * holds (stamp.c).
 *
 * It goes with the inode, which the VFS drops with the last dentry: its shrinkers
 * thus give back the memory of files that nobody has open.
 */
#include <linux/err.h>
#include <linux/file.h>

#include "cache/lower.h"
#include "cache/reading.h"
#include "cache/snapshot.h"
#include "cache/stamp.h"
#include "cache/vectors.h"

void vexfs_vectors_init(struct vexfs_vectors *vectors)
{
	atomic64_set(&vectors->changes, 0);
	mutex_init(&vectors->loading);
	spin_lock_init(&vectors->lock);
	vectors->snapshot = NULL;
}

static void keep(struct vexfs_vectors *vectors, struct vexfs_snapshot *snapshot)
{
	spin_lock(&vectors->lock);
	swap(vectors->snapshot, snapshot);
	spin_unlock(&vectors->lock);
	vexfs_snapshot_put(snapshot);
}

void vexfs_vectors_destroy(struct vexfs_vectors *vectors)
{
	keep(vectors, NULL);
}

void vexfs_vectors_changed(struct vexfs_vectors *vectors)
{
	atomic64_inc(&vectors->changes);
}

static struct vexfs_snapshot *get_cached(struct vexfs_vectors *vectors,
					 const struct path *lower)
{
	struct vexfs_snapshot *snapshot;

	spin_lock(&vectors->lock);
	snapshot = vectors->snapshot;
	if (snapshot)
		vexfs_snapshot_get(snapshot);
	spin_unlock(&vectors->lock);

	if (!snapshot)
		return NULL;
	if (vexfs_stamp_holds(&snapshot->stamp, lower, atomic64_read(&vectors->changes)))
		return snapshot;
	vexfs_snapshot_put(snapshot);
	return NULL;
}

static struct vexfs_snapshot *read_lower(struct vexfs_vectors *vectors, struct file *lower)
{
	const u64 changes = atomic64_read(&vectors->changes);
	struct vexfs_snapshot *snapshot;
	struct vexfs_stamp stamp;
	int err, try = 0;

	do {
		err = vexfs_stamp_take(&stamp, &lower->f_path, changes);
		if (err)
			return ERR_PTR(err);
		snapshot = vexfs_snapshot_read(lower, stamp.size);
		if (!IS_ERR(snapshot))
			snapshot->stamp = stamp;
	} while (snapshot == ERR_PTR(-EBADMSG) && ++try < VEXFS_READ_TRIES &&
		 !vexfs_stamp_holds(&stamp, &lower->f_path, changes));
	return snapshot;
}

/*
 * Reads through a file of our own, since the caller's may be open for direct I/O,
 * and with the inode locked against writers, so that no write is seen halfway.
 */
static struct vexfs_snapshot *load(struct vexfs_vectors *vectors, struct file *file)
{
	struct inode *inode = file_inode(file);
	struct vexfs_snapshot *snapshot;
	struct file *lower;

	lower = vexfs_open_to_read(&vexfs_lower_file(file)->f_path,
				   vexfs_sb(inode->i_sb)->cred);
	if (IS_ERR(lower))
		return ERR_CAST(lower);

	if (down_read_killable(&inode->i_rwsem)) {
		snapshot = ERR_PTR(-EINTR);
	} else {
		snapshot = read_lower(vectors, lower);
		inode_unlock_shared(inode);
	}
	fput(lower);
	return snapshot;
}

struct vexfs_snapshot *vexfs_vectors_get(struct vexfs_vectors *vectors, struct file *file)
{
	const struct path *lower = &vexfs_lower_file(file)->f_path;
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
		keep(vectors, NULL);
		snapshot = load(vectors, file);
		if (!IS_ERR(snapshot))
			keep(vectors, vexfs_snapshot_get(snapshot));
	}
	mutex_unlock(&vectors->loading);
	return snapshot;
}

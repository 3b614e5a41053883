// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a snapshot is current.
 *
 * A change through this mount bumps a counter, under the inode lock that a load
 * shares.  A change beneath it is noticed by the lower file's size, times and,
 * where the lower filesystem has one, change cookie (i_version).
 *
 * Times alone are no proof: a file that changes twice within one tick of the
 * clock keeps them.  As git does for its index, a snapshot taken so soon after
 * the last change is good until that tick is surely over, and is then read once
 * more.  With a change cookie, as ext4, btrfs and tmpfs have, this never
 * happens, so that an append costs one load at the next search.
 *
 * Stores into a shared mapping leave no trace at all.  While somebody has one
 * that is or may become writable, each search reads the file for itself.
 *
 * A snapshot goes with its inode, which the VFS drops with the last dentry: its
 * shrinkers thus give back the memory of files that nobody has open.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/stat.h>
#include <linux/timekeeping.h>

#include "snapshot.h"
#include "vectors.h"
#include "vexfs.h"

/* Longer than any tick (CONFIG_HZ is at least 100). */
#define TICK_NS		(20 * NSEC_PER_MSEC)

/* How often a file that changes while it is read may appear malformed. */
#define TRIES		4

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

/* When the times of a file stop to prove that it is as it was @now. */
static ktime_t end_of_proof(struct file *lower, const struct kstat *stat, ktime_t now)
{
	s64 tick = TICK_NS + file_inode(lower)->i_sb->s_time_gran;
	s64 age = ktime_sub(ktime_get_real(), timespec64_to_ktime(stat->ctime));

	return abs(age) < tick ? now + tick : KTIME_MAX;
}

static int take_stamp(struct vexfs_vectors *vectors, struct file *lower,
		      struct vexfs_stamp *stamp)
{
	const u32 mask = STATX_SIZE | STATX_MTIME | STATX_CTIME | STATX_CHANGE_COOKIE;
	struct kstat stat;

	stamp->changes = atomic64_read(&vectors->changes);
	if (vfs_getattr_nosec(&lower->f_path, &stat, mask, AT_STATX_SYNC_AS_STAT))
		return -EIO;
	stamp->size = stat.size;
	stamp->mtime = stat.mtime;
	stamp->ctime = stat.ctime;
	if (stat.result_mask & STATX_CHANGE_COOKIE) {
		stamp->cookie = stat.change_cookie;
		stamp->stale = KTIME_MAX;
	} else {
		stamp->cookie = 0;
		stamp->stale = end_of_proof(lower, &stat, ktime_get());
	}
	return 0;
}

static bool same_file(const struct vexfs_stamp *a, const struct vexfs_stamp *b)
{
	return a->changes == b->changes && a->size == b->size && a->cookie == b->cookie &&
	       timespec64_equal(&a->mtime, &b->mtime) &&
	       timespec64_equal(&a->ctime, &b->ctime);
}

static struct vexfs_snapshot *get_cached(struct vexfs_vectors *vectors, struct file *lower)
{
	struct vexfs_snapshot *snapshot;
	struct vexfs_stamp now;

	spin_lock(&vectors->lock);
	snapshot = vectors->snapshot;
	if (snapshot)
		vexfs_snapshot_get(snapshot);
	spin_unlock(&vectors->lock);

	if (!snapshot)
		return NULL;
	if (!mapping_writably_mapped(lower->f_mapping) &&
	    !take_stamp(vectors, lower, &now) && same_file(&snapshot->stamp, &now) &&
	    ktime_before(ktime_get(), snapshot->stamp.stale))
		return snapshot;
	vexfs_snapshot_put(snapshot);
	return NULL;
}

/* A file system changes the stamp first and the data then, under this lock. */
static void wait_for_writer(struct inode *lower)
{
	inode_lock_shared(lower);
	inode_unlock_shared(lower);
}

static struct vexfs_snapshot *read_lower(struct vexfs_vectors *vectors, struct file *lower)
{
	struct vexfs_stamp before, after;
	struct vexfs_snapshot *snapshot;
	int try = 0;

	do {
		wait_for_writer(file_inode(lower));
		if (take_stamp(vectors, lower, &before))
			return ERR_PTR(-EIO);
		if (mapping_writably_mapped(lower->f_mapping))
			before.stale = 0;
		snapshot = vexfs_snapshot_read(lower, before.size);
		if (!IS_ERR(snapshot)) {
			snapshot->stamp = before;
			return snapshot;
		}
	} while (PTR_ERR(snapshot) == -EBADMSG && ++try < TRIES &&
		 !take_stamp(vectors, lower, &after) && !same_file(&before, &after));
	return snapshot;
}

/*
 * Reads through a file of our own, since the caller's may be open for direct I/O,
 * and with the inode locked against writers, so that no write is seen halfway.
 */
static struct vexfs_snapshot *load(struct vexfs_vectors *vectors, struct file *file)
{
	const int flags = O_RDONLY | O_LARGEFILE | O_NOATIME;
	struct inode *inode = file_inode(file);
	struct vexfs_snapshot *snapshot;
	struct file *lower;

	lower = kernel_file_open(&vexfs_lower_file(file)->f_path, flags, file->f_cred);
	if (IS_ERR(lower))
		return lower == ERR_PTR(-ENOMEM) ? ERR_CAST(lower) : ERR_PTR(-EIO);

	if (down_read_killable(&inode->i_rwsem)) {
		snapshot = ERR_PTR(-EINTR);
	} else {
		snapshot = read_lower(vectors, lower);
		inode_unlock_shared(inode);
	}
	fput(lower);
	return snapshot;
}

struct vexfs_snapshot *vexfs_vectors_get(struct file *file)
{
	struct vexfs_vectors *vectors = &vexfs_i(file_inode(file))->vectors;
	struct file *lower = vexfs_lower_file(file);
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

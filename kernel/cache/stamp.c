// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a copy of a lower file is current.
 *
 * A change through this mount bumps a counter, under the inode lock that a load
 * shares.  A change beneath it is noticed by the lower file's size, times and,
 * where the lower filesystem has one, change cookie (i_version).
 *
 * Times alone are no proof: a file that changes twice within one tick of the
 * clock keeps them.  As git does for its index, a copy made so soon after the
 * last change is good until that tick is surely over, and is then made once
 * more.  With a change cookie, as ext4, btrfs and tmpfs have, this never
 * happens, so that an append costs one load at the next search.
 *
 * Stores into a shared mapping leave no trace at all.  While somebody has one
 * that is or may become writable, no stamp holds.
 *
 * A filesystem changes cookie and times first and the data then, so that what looks
 * unchanged afterwards may have been read too early.  A write holds the inode lock
 * meanwhile; a direct one may hold it shared, or be under way without it, and is counted
 * then.  So a stamp is taken first, and then everything waited for that it may speak of:
 * with the lock held against new writes, those under way end.  What begins later gets
 * another cookie.  To look again after reading would not help: a direct write changes
 * nothing but data at its end.
 */
#include <linux/fs.h>
#include <linux/stat.h>
#include <linux/timekeeping.h>

#include "cache/stamp.h"

/* Longer than any tick (CONFIG_HZ is at least 100). */
#define TICK_NS		(20 * NSEC_PER_MSEC)

/* Longer than any step of times that are kept without nanoseconds: FAT has the longest. */
#define COARSE_NS	(2 * NSEC_PER_SEC)

static int wait_for_writers(struct inode *lower)
{
	if (down_write_killable(&lower->i_rwsem))
		return -EINTR;
	inode_dio_wait(lower);
	inode_unlock(lower);
	return 0;
}

static bool writably_mapped(const struct path *lower)
{
	return mapping_writably_mapped(d_real_inode(lower->dentry)->i_mapping);
}

/*
 * When the times of a file stop to prove that it is as it was @now.  FUSE and network
 * filesystems claim nanoseconds whatever their server keeps, so times in whole seconds
 * are not believed to be finer.
 */
static ktime_t end_of_proof(const struct path *lower, const struct kstat *stat, ktime_t now)
{
	s64 tick = TICK_NS + d_inode(lower->dentry)->i_sb->s_time_gran;
	s64 age = ktime_sub(ktime_get_real(), timespec64_to_ktime(stat->ctime));

	if (!stat->ctime.tv_nsec)
		tick += COARSE_NS;
	return abs(age) < tick ? now + tick : KTIME_MAX;
}

static int look(struct vexfs_stamp *stamp, const struct path *lower, u64 changes)
{
	const u32 mask = STATX_SIZE | STATX_MTIME | STATX_CTIME | STATX_CHANGE_COOKIE;
	const struct inode *inode = d_inode(lower->dentry);
	struct kstat stat;

	if (vfs_getattr_nosec(lower, &stat, mask, AT_STATX_SYNC_AS_STAT))
		return -EIO;
	stamp->changes = changes;
	stamp->ino = inode->i_ino;
	stamp->generation = inode->i_generation;
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

int vexfs_stamp_take(struct vexfs_stamp *stamp, const struct path *lower, u64 changes)
{
	struct inode *inode = d_inode(lower->dentry), *real = d_real_inode(lower->dentry);
	int err;

	err = look(stamp, lower, changes);
	if (!err)
		err = wait_for_writers(inode);
	/* Beneath overlayfs, a direct write is counted there. */
	if (!err && real != inode)
		err = wait_for_writers(real);
	if (!err && writably_mapped(lower))
		stamp->stale = 0;
	return err;
}

int vexfs_stamp_look(struct vexfs_stamp *stamp, const struct path *lower, u64 changes)
{
	int err = look(stamp, lower, changes);

	if (!err && writably_mapped(lower))
		stamp->stale = 0;
	return err;
}

bool vexfs_stamp_same(const struct vexfs_stamp *a, const struct vexfs_stamp *b)
{
	return a->changes == b->changes && a->ino == b->ino &&
	       a->generation == b->generation && a->size == b->size &&
	       a->cookie == b->cookie && timespec64_equal(&a->mtime, &b->mtime) &&
	       timespec64_equal(&a->ctime, &b->ctime);
}

bool vexfs_stamp_holds(const struct vexfs_stamp *stamp, const struct path *lower,
		       u64 changes)
{
	struct vexfs_stamp now;

	return !writably_mapped(lower) && !look(&now, lower, changes) &&
	       vexfs_stamp_same(stamp, &now) &&
	       (stamp->stale == KTIME_MAX || ktime_before(ktime_get(), stamp->stale));
}

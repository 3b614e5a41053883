// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inode of an index file may be dropped and made again between two searches, so
 * that it can keep no count of its changes; to hold it would keep the blocks of
 * a file that somebody deletes.  So the superblock has the counts, by inode number.
 * A number that two files share, as on btrfs, only makes a load more frequent.
 */
#include <linux/atomic.h>
#include <linux/xarray.h>

#include "cache/lower.h"
#include "cache/watch.h"

/* Half of the range is enough, as xa_mk_value() demands. */
u64 vexfs_next_number(void)
{
	static atomic64_t last = ATOMIC64_INIT(0);

	return atomic64_inc_return(&last);
}

static void *next_entry(void)
{
	return xa_mk_value(vexfs_next_number());
}

int vexfs_watch(struct inode *inode)
{
	struct xarray *watched = &vexfs_sb(inode->i_sb)->watched;

	return xa_err(xa_cmpxchg(watched, inode->i_ino, NULL, next_entry(), GFP_KERNEL));
}

void vexfs_unwatch(struct super_block *sb, unsigned long ino)
{
	xa_erase(&vexfs_sb(sb)->watched, ino);
}

u64 vexfs_watched_changes(struct super_block *sb, unsigned long ino)
{
	void *entry = xa_load(&vexfs_sb(sb)->watched, ino);

	return entry ? xa_to_value(entry) : 0;
}

void vexfs_watched_changed(struct inode *inode)
{
	struct xarray *watched = &vexfs_sb(inode->i_sb)->watched;

	if (xa_empty(watched))
		return;
	xa_lock(watched);
	/* To replace an entry takes no memory. */
	if (xa_load(watched, inode->i_ino))
		__xa_store(watched, inode->i_ino, next_entry(), GFP_NOWAIT);
	xa_unlock(watched);
}

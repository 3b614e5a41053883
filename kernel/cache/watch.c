// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inode of an index file may be dropped and made again between two searches, so
 * that it can keep no count of its changes; to hold it would keep the blocks of
 * a file that somebody deletes.  So the superblock has a number for each file that is
 * watched, by inode number.  A change takes the number away, and none is given twice.
 * An inode number that two files share, as on btrfs, only makes a load more frequent.
 */
#include <linux/xarray.h>

#include "cache/lower.h"
#include "cache/number.h"
#include "cache/watch.h"

int vexfs_watch(struct inode *inode, u64 *number)
{
	struct xarray *watched = &vexfs_sb(inode->i_sb)->watched;
	void *mine = xa_mk_value(vexfs_next_number());
	void *old = xa_cmpxchg(watched, inode->i_ino, NULL, mine, GFP_KERNEL);

	if (xa_is_err(old))
		return xa_err(old);
	*number = xa_to_value(old ?: mine);
	return 0;
}

void vexfs_unwatch(struct xarray *watched, unsigned long ino, u64 number)
{
	xa_cmpxchg(watched, ino, xa_mk_value(number), NULL, 0);
}

u64 vexfs_watched(struct super_block *sb, unsigned long ino)
{
	void *entry = xa_load(&vexfs_sb(sb)->watched, ino);

	return entry ? xa_to_value(entry) : 0;
}

void vexfs_watched_changed(struct inode *inode)
{
	struct xarray *watched = &vexfs_sb(inode->i_sb)->watched;

	if (!xa_empty(watched))
		xa_erase(watched, inode->i_ino);
}

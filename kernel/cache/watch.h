/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watched files: a change through the mount is noticed whether or not the file's
 * inode stays in memory.
 */
#ifndef VEXFS_WATCH_H
#define VEXFS_WATCH_H

#include <linux/fs.h>
#include <linux/xarray.h>

/*
 * Watches a file.  It has *@number until it changes or somebody ends the watch, and never
 * again.  Returns 0 or -ENOMEM.
 */
int vexfs_watch(struct inode *inode, u64 *number);

/* Ends it, if the file still has that number. */
void vexfs_unwatch(struct xarray *watched, unsigned long ino, u64 number);

/* The number that a file has now; 0 where nobody watches. */
u64 vexfs_watched(struct super_block *sb, unsigned long ino);

/* After a change. */
void vexfs_watched_changed(struct inode *inode);

#endif /* VEXFS_WATCH_H */

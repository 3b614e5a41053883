/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watched files: changes through the mount are counted whether or not the file's
 * inode stays in memory.
 */
#ifndef VEXFS_WATCH_H
#define VEXFS_WATCH_H

#include <linux/fs.h>

/* A number that was never given before, and is not 0. */
u64 vexfs_next_number(void);

/* Watches a file, if nobody does.  Returns 0 or -ENOMEM. */
int vexfs_watch(struct inode *inode);

/*
 * Ends it.  Whoever else watches the same file finds that its count has changed.
 * Nothing happens where nobody watches it.
 */
void vexfs_unwatch(struct super_block *sb, unsigned long ino);

/* A number that differs after each change, and is 0 where nobody watches. */
u64 vexfs_watched_changes(struct super_block *sb, unsigned long ino);

/* After a change. */
void vexfs_watched_changed(struct inode *inode);

#endif /* VEXFS_WATCH_H */

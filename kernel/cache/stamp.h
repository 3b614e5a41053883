/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stamp: what a lower file was like when it was read, by which a later change
 * of it is noticed.
 */
#ifndef VEXFS_STAMP_H
#define VEXFS_STAMP_H

#include <linux/ktime.h>
#include <linux/path.h>
#include <linux/time64.h>
#include <linux/types.h>

struct vexfs_stamp {
	u64 changes;		/* through this mount, as the caller counts them */
	unsigned long ino;
	u32 generation;		/* of the inode number */
	loff_t size;
	struct timespec64 mtime;
	struct timespec64 ctime;
	u64 cookie;		/* i_version or the like; 0 where there is none */
	ktime_t stale;		/* when the times alone stop being proof */
};

/*
 * Before a file is read: waits for writes beneath us that are under way.  Returns 0, -EIO
 * or -EINTR.
 */
int vexfs_stamp_take(struct vexfs_stamp *stamp, const struct path *lower, u64 changes);

/* The same without waiting: what is under way may show in no later stamp. */
int vexfs_stamp_look(struct vexfs_stamp *stamp, const struct path *lower, u64 changes);

/* Are they of the same state of one file, as far as they tell? */
bool vexfs_stamp_same(const struct vexfs_stamp *a, const struct vexfs_stamp *b);

/* Is the file surely still as it was read? */
bool vexfs_stamp_holds(const struct vexfs_stamp *stamp, const struct path *lower,
		       u64 changes);

#endif /* VEXFS_STAMP_H */

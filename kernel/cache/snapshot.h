/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A snapshot: the rows of a vector file at one moment, checked once and packed
 * for the searches.  It does not change any more, so it is searched without locks
 * by everyone who holds a reference.
 */
#ifndef VEXFS_SNAPSHOT_H
#define VEXFS_SNAPSHOT_H

#include <linux/fs.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "cache/stamp.h"
#include "search/rows.h"

struct vexfs_snapshot {
	refcount_t users;
	struct vexfs_rows rows;		/* of dimension 0 if there are none */
	u64 generation;
	struct vexfs_stamp stamp;
};

/*
 * Reads the first @size bytes of a vector file.  Returns a snapshot without
 * stamp, -EBADMSG or -EFBIG for a file that is none, -EIO, -ENOMEM or -EINTR.
 */
struct vexfs_snapshot *vexfs_snapshot_read(struct file *file, loff_t size);

static inline struct vexfs_snapshot *vexfs_snapshot_get(struct vexfs_snapshot *snapshot)
{
	refcount_inc(&snapshot->users);
	return snapshot;
}

/* May sleep.  NULL is fine. */
void vexfs_snapshot_put(struct vexfs_snapshot *snapshot);

#endif /* VEXFS_SNAPSHOT_H */

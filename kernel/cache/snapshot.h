/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A snapshot: the rows of a vector file at one moment, checked once and packed
 * for the searches.  It does not change any more, so it is searched without locks
 * by everyone who holds a reference.
 */
#ifndef VEXFS_SNAPSHOT_H
#define VEXFS_SNAPSHOT_H

#include <linux/fs.h>
#include <linux/types.h>

#include "cache/attempt.h"
#include "cache/budget.h"
#include "search/rows.h"

struct vexfs_snapshot {
	struct vexfs_copy copy;
	struct vexfs_rows rows;		/* of dimension 0 if there are none */
};

/*
 * Reads the first @size bytes of a vector file.  Returns a snapshot without
 * stamp, -EBADMSG or -EFBIG for a file that is none, -EIO, -ENOMEM or -EINTR.
 * It gives up with -EBADMSG when the attempt is disturbed.
 */
struct vexfs_snapshot *vexfs_snapshot_read(struct vexfs_budget *budget, struct file *file,
					   loff_t size, const struct vexfs_attempt *attempt);

/* May sleep.  NULL is fine. */
static inline void vexfs_snapshot_put(struct vexfs_snapshot *snapshot)
{
	vexfs_copy_put(snapshot ? &snapshot->copy : NULL);
}

#endif /* VEXFS_SNAPSHOT_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A query that is sent before it is searched for, in parts: a command carries no more
 * than 16 KiB.  An open file holds one.
 */
#ifndef VEXFS_SENT_H
#define VEXFS_SENT_H

#include <linux/mutex.h>
#include <linux/types.h>

#include "uapi/vexfs.h"

struct vexfs_sent {
	struct mutex lock;	/* protects the others */
	u64 number;	/* the caller's, 0 if there is none */
	u32 dim;
	u32 filled;	/* the first elements, which are there */
	u32 *elements;	/* finite ones */
};

void vexfs_sent_init(struct vexfs_sent *sent);
void vexfs_sent_destroy(struct vexfs_sent *sent);

/*
 * Adds a part, whose elements follow it: it begins a query, or continues the one that is
 * held.  Returns 0, -EDOM, -ECANCELED where another one is held, -ENOMEM or -EINTR.
 */
int vexfs_sent_add(struct vexfs_sent *sent, const struct vexfs_query_part *part);

/* Copies the whole query @number of @dim elements.  Returns 0, -ECANCELED or -EINTR. */
int vexfs_sent_copy(struct vexfs_sent *sent, u64 number, u32 dim, u32 *elements);

#endif /* VEXFS_SENT_H */

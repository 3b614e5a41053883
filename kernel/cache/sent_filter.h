/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A filter is sent before searches keep to it, in parts.  An open file holds one.  It is a
 * copy like those of lower files: it counts to the memory of the mount, and gives way when
 * nobody uses it and others need room.
 */
#ifndef VEXFS_SENT_FILTER_H
#define VEXFS_SENT_FILTER_H

#include <linux/mutex.h>
#include <linux/types.h>

#include "cache/budget.h"
#include "search/filter.h"
#include "uapi/vexfs.h"

struct vexfs_held_filter {
	struct vexfs_copy copy;
	struct vexfs_filter filter;	/* the first words, which are there */
	u32 number;			/* the caller's */
	u32 words;			/* that it will have */
	u32 room;			/* for words */
	u64 *memory;
};

struct vexfs_sent_filter {
	struct mutex lock;		/* one adds a part, or looks whether all are there */
	struct vexfs_copy __rcu *slot;
};

void vexfs_sent_filter_init(struct vexfs_sent_filter *sent);
void vexfs_sent_filter_destroy(struct vexfs_sent_filter *sent, struct vexfs_budget *budget);

/*
 * Adds a part, whose words follow it: it begins a filter, or continues the one that is held.
 * Returns 0, -ECANCELED where another one is held, -ENOMEM or -EINTR.
 */
int vexfs_sent_filter_add(struct vexfs_sent_filter *sent, struct vexfs_budget *budget,
			  const struct vexfs_filter_part *part);

/* The whole filter @number, with a reference for the caller; or -ECANCELED or -EINTR. */
struct vexfs_held_filter *vexfs_sent_filter_get(struct vexfs_sent_filter *sent, u32 number);

/* NULL is fine. */
static inline void vexfs_held_filter_put(struct vexfs_held_filter *held)
{
	vexfs_copy_put(held ? &held->copy : NULL);
}

#endif /* VEXFS_SENT_FILTER_H */

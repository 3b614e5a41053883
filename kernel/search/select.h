/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The smallest of many distinct keys, in no order: a buffer is filled with keys below
 * a bound and, when it is full, cut back to the wanted ones, which lowers the bound.
 */
#ifndef VEXFS_SELECT_H
#define VEXFS_SELECT_H

#include <linux/types.h>

struct vexfs_select {
	u64 *keys;
	u32 want;	/* at least one */
	u32 count;
	u32 room;
	u64 bound;	/* keys from here on are out */
};

/* A sensible room, in keys, if @batch are added at a time. */
static inline u32 vexfs_select_room(u32 want, u32 batch)
{
	return 2 * want + 256 + batch;
}

static inline void vexfs_select_init(struct vexfs_select *select, u64 *keys, u32 want, u32 room)
{
	*select = (struct vexfs_select){ .keys = keys, .want = want, .room = room, .bound = ~0ULL };
}

/* Whether the next @batch keys can be written from keys[count] on. */
static inline bool vexfs_select_has_room(const struct vexfs_select *select, u32 batch)
{
	return select->room - select->count >= batch;
}

/* Cuts back to the wanted keys.  There may be fewer. */
void vexfs_select_cut(struct vexfs_select *select);

#endif /* VEXFS_SELECT_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's own clock of searches: debugfs vexfs/search_time, described in docs/kernel.md.
 */
#ifndef VEXFS_SEARCH_TIME_H
#define VEXFS_SEARCH_TIME_H

#include <linux/jump_label.h>
#include <linux/timekeeping.h>
#include <linux/types.h>

DECLARE_STATIC_KEY_FALSE(vexfs_search_time_on);

/* One search, as its handler times it. */
struct vexfs_search_time {
	u64 round;	/* in which the handler began; 0: it is not timed */
	u64 begun;	/* when the handler began */
	u64 search_ns;	/* within vexfs_search() */
};

void vexfs_search_time_start(struct vexfs_search_time *time);
void vexfs_search_time_count(const struct vexfs_search_time *time);

/* At the beginning of the handler. */
static inline void vexfs_search_time_begin(struct vexfs_search_time *time)
{
	time->round = 0;
	if (static_branch_unlikely(&vexfs_search_time_on))
		vexfs_search_time_start(time);
}

/* At the end of a handler that succeeded. */
static inline void vexfs_search_time_end(const struct vexfs_search_time *time)
{
	if (static_branch_unlikely(&vexfs_search_time_on) && time->round)
		vexfs_search_time_count(time);
}

/* Before vexfs_search(). */
static inline void vexfs_search_time_enter(struct vexfs_search_time *time)
{
	if (static_branch_unlikely(&vexfs_search_time_on) && time->round)
		time->search_ns = ktime_get_ns();
}

/* After vexfs_search(). */
static inline void vexfs_search_time_leave(struct vexfs_search_time *time)
{
	if (static_branch_unlikely(&vexfs_search_time_on) && time->round)
		time->search_ns = ktime_get_ns() - time->search_ns;
}

/* At loading and unloading. */
void vexfs_search_time_create(void);
void vexfs_search_time_remove(void);

#endif /* VEXFS_SEARCH_TIME_H */

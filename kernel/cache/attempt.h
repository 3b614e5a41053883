/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attempts to read a file as it is between two writes through the mount.
 *
 * An inode counts its changes: the count is odd while somebody changes the file under the
 * inode lock.  A reader holds no lock, so that whoever wants to change the file, or only
 * its mode, need not wait.  It reads once more if the count has changed meanwhile, or if
 * what it read is malformed and the file was changed beneath the mount.  The last attempt
 * is made with the lock held, so a reader gets done whatever writers do.
 */
#ifndef VEXFS_ATTEMPT_H
#define VEXFS_ATTEMPT_H

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/types.h>

#include "cache/stamp.h"

/* How often a file that changes is read before it is locked against changes. */
#define VEXFS_READ_TRIES	4

struct vexfs_attempt {
	struct inode *inode;	/* ours */
	atomic64_t *changes;	/* of the inode */
	u64 before;		/* the count when the attempt began */
	unsigned int made;
	bool locked;
};

/* With the inode locked: around each change of its content through the mount. */
static inline void vexfs_change_begin(atomic64_t *changes)
{
	atomic64_inc_return(changes);
}

static inline void vexfs_change_end(atomic64_t *changes)
{
	atomic64_inc_return(changes);
}

/* A change that takes no time, with or without the lock. */
static inline void vexfs_change_at_once(atomic64_t *changes)
{
	atomic64_add(2, changes);
}

/* The count as stamps have it: what is being changed is as it was before. */
static inline u64 vexfs_changes(const atomic64_t *changes)
{
	return atomic64_read(changes) & ~1ULL;
}

/* Begins the next one.  Returns 0 or -EINTR. */
int vexfs_attempt_begin(struct vexfs_attempt *attempt);

/* Has the file been changed through the mount since? */
static inline bool vexfs_attempt_disturbed(const struct vexfs_attempt *attempt)
{
	return !attempt->locked && atomic64_read(attempt->changes) != attempt->before;
}

/*
 * Is another one to be made?  @stamp was taken when it began; what was read then is
 * @sound, or else may have been seen halfway.
 */
bool vexfs_attempt_torn(const struct vexfs_attempt *attempt, const struct vexfs_stamp *stamp,
			const struct path *lower, bool sound);

/* Ends it. */
void vexfs_attempt_end(struct vexfs_attempt *attempt);

#endif /* VEXFS_ATTEMPT_H */

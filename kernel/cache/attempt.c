// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/rwsem.h>

#include "cache/attempt.h"

int vexfs_attempt_begin(struct vexfs_attempt *attempt)
{
	attempt->locked = ++attempt->made >= VEXFS_READ_TRIES;
	/* Whatever a writer did before is seen by those who see its count. */
	attempt->before = atomic64_read_acquire(attempt->changes);
	if (!attempt->locked && !(attempt->before & 1))
		return 0;

	/* Who has the lock has no writer. */
	if (down_read_killable(&attempt->inode->i_rwsem))
		return -EINTR;
	attempt->before = atomic64_read(attempt->changes);
	if (!attempt->locked)
		inode_unlock_shared(attempt->inode);
	return 0;
}

bool vexfs_attempt_torn(const struct vexfs_attempt *attempt, const struct vexfs_stamp *stamp,
			const struct path *lower, bool sound)
{
	if (attempt->locked)
		return false;
	/* Pairs with vexfs_change_begin(): who read what is written sees that it is. */
	smp_rmb();
	if (vexfs_attempt_disturbed(attempt))
		return true;
	/*
	 * A change beneath is noticed by the next search.  It is no reason to read again:
	 * a chmod looks the same, and the lock would not keep it away.
	 */
	return !sound && !vexfs_stamp_holds(stamp, lower, stamp->changes);
}

void vexfs_attempt_end(struct vexfs_attempt *attempt)
{
	if (attempt->locked)
		inode_unlock_shared(attempt->inode);
}

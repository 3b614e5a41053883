// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dentries: each holds a reference to its lower one.
 */
#include <linux/namei.h>
#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/string.h>

#include "fs/internal.h"

/*
 * Under RCU.  A name that changes while it is compared still ends with a NUL, so that
 * this stays within both; its sequence count tells that the answer is void.
 */
static bool vexfs_same_name(const struct dentry *a, const struct dentry *b)
{
	const u32 len = READ_ONCE(a->d_name.len);

	return len == READ_ONCE(b->d_name.len) &&
	       !strncmp(READ_ONCE(a->d_name.name), READ_ONCE(b->d_name.name), len);
}

/* Under RCU, and void like the above. */
static bool vexfs_matches(const struct dentry *dentry, const struct dentry *lower)
{
	const struct dentry *parent = READ_ONCE(dentry->d_parent);
	const struct inode *inode = d_inode_rcu(dentry);

	return READ_ONCE(lower->d_parent) == vexfs_lower_dentry(parent) &&
	       !d_unhashed(lower) &&
	       d_inode_rcu(lower) == (inode ? vexfs_lower_inode(inode) : NULL) &&
	       vexfs_same_name(dentry, lower);
}

/* Is @dentry's lower dentry what a look-up of it beneath its parent would find now? */
bool vexfs_is_current(const struct dentry *dentry)
{
	const struct dentry *lower = vexfs_lower_dentry(dentry);
	unsigned int seq, lower_seq;
	bool current_now;

	rcu_read_lock();
	do {
		seq = read_seqcount_begin(&dentry->d_seq);
		lower_seq = read_seqcount_begin(&lower->d_seq);
		current_now = vexfs_matches(dentry, lower);
	} while (read_seqcount_retry(&lower->d_seq, lower_seq) ||
		 read_seqcount_retry(&dentry->d_seq, seq));
	rcu_read_unlock();
	return current_now;
}

/*
 * An operation through us changes the lower dentry first and ours a moment later, but
 * both under the lock of the lower directory.  To drop our dentry in between would
 * take the mounts beneath it along: so only what is seen under that lock counts.
 */
static int vexfs_is_current_for_sure(struct dentry *dentry)
{
	struct dentry *parent;
	struct inode *lower_dir;
	bool current_now, moved;

	do {
		parent = dget_parent(dentry);
		lower_dir = d_inode(vexfs_lower_dentry(parent));
		if (down_read_killable(&lower_dir->i_rwsem)) {
			dput(parent);
			return -EINTR;
		}
		current_now = vexfs_is_current(dentry);
		moved = READ_ONCE(dentry->d_parent) != parent;
		inode_unlock_shared(lower_dir);
		dput(parent);
	} while (moved && !current_now);
	return current_now;
}

static int vexfs_revalidate_name(struct dentry *dentry, unsigned int flags)
{
	/* A filesystem stacked on us may ask about a file without a name. */
	if (d_unhashed(dentry) || vexfs_is_current(dentry))
		return 1;
	return flags & LOOKUP_RCU ? -ECHILD : vexfs_is_current_for_sure(dentry);
}

static int vexfs_revalidate_attr(const struct dentry *dentry, unsigned int flags)
{
	struct inode *inode = d_inode_rcu(dentry);

	if (!inode)
		return 1;
	/* Under RCU our inode may be on its way out: write nothing to it. */
	if (flags & LOOKUP_RCU)
		return vexfs_copy_is_old(inode) ? -ECHILD : 1;
	vexfs_copy_attr(inode);
	return 1;
}

static int vexfs_revalidate_lower(struct dentry *lower, unsigned int flags)
{
	struct dentry *lower_dir = dget_parent(lower);
	struct name_snapshot name;
	int ret;

	take_dentry_name_snapshot(&name, lower);
	ret = call_d_revalidate(d_inode(lower_dir), &name.name, lower, flags);
	release_dentry_name_snapshot(&name);
	dput(lower_dir);
	return ret;
}

static int vexfs_d_revalidate(struct inode *dir, const struct qstr *name,
			      struct dentry *dentry, unsigned int flags)
{
	struct dentry *lower = vexfs_lower_dentry(dentry);
	int ret;

	if (lower->d_flags & DCACHE_OP_REVALIDATE) {
		ret = vexfs_revalidate_lower(lower, flags);
		if (ret <= 0)
			return ret;
	}
	ret = vexfs_revalidate_name(dentry, flags);
	return ret > 0 ? vexfs_revalidate_attr(dentry, flags) : ret;
}

COMPAT_D_REVALIDATE(vexfs_d_revalidate)

/* For where a walk arrives without a name: a root, "." and "..". */
static int vexfs_d_weak_revalidate(struct dentry *dentry, unsigned int flags)
{
	struct dentry *lower = vexfs_lower_dentry(dentry);
	int ret;

	if (lower->d_flags & DCACHE_OP_WEAK_REVALIDATE) {
		ret = lower->d_op->d_weak_revalidate(lower, flags);
		if (ret <= 0)
			return ret;
	}
	return vexfs_revalidate_attr(dentry, flags);
}

/* What the VFS would do on the way through such a one, nobody does for us. */
bool vexfs_is_weird(const struct dentry *lower)
{
	return lower->d_flags & (DCACHE_NEED_AUTOMOUNT | DCACHE_MANAGE_TRANSIT |
				 DCACHE_OP_HASH | DCACHE_OP_COMPARE) ||
	       (d_is_dir(lower) && !d_can_lookup(lower));
}

/* A mapping is of the lower file: so is a uprobe. */
static struct dentry *vexfs_d_real(struct dentry *dentry, enum d_real_type type)
{
	return d_is_reg(dentry) ? d_real(vexfs_lower_dentry(dentry), type) : dentry;
}

static void vexfs_d_release(struct dentry *dentry)
{
	dput(vexfs_lower_dentry(dentry));
}

const struct dentry_operations vexfs_dentry_ops = {
	.d_revalidate	= compat_d_revalidate(vexfs_d_revalidate),
	.d_weak_revalidate = vexfs_d_weak_revalidate,
	.d_release	= vexfs_d_release,
	.d_real		= vexfs_d_real,
};

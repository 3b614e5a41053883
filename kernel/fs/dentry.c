// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dentries: each holds a reference to its lower one.
 */
#include <linux/namei.h>

#include "fs/internal.h"

static bool vexfs_same_name(struct dentry *a, struct dentry *b)
{
	struct name_snapshot name_a, name_b;
	bool same;

	take_dentry_name_snapshot(&name_a, a);
	take_dentry_name_snapshot(&name_b, b);
	same = name_a.name.len == name_b.name.len &&
	       !memcmp(name_a.name.name, name_b.name.name, name_a.name.len);
	release_dentry_name_snapshot(&name_b);
	release_dentry_name_snapshot(&name_a);
	return same;
}

/* Is @dentry's lower dentry what a look-up in @lower_dir would find now? */
bool vexfs_lower_is_current(struct dentry *dentry, struct dentry *lower_dir)
{
	struct dentry *lower = vexfs_lower_dentry(dentry);
	struct inode *inode = d_inode(dentry);

	return READ_ONCE(lower->d_parent) == lower_dir && !d_unhashed(lower) &&
	       d_inode(lower) == (inode ? vexfs_lower_inode(inode) : NULL) &&
	       vexfs_same_name(dentry, lower);
}

static bool vexfs_is_current(struct dentry *dentry, unsigned int flags)
{
	struct dentry *parent = dget_parent(dentry);
	bool valid = vexfs_lower_is_current(dentry, vexfs_lower_dentry(parent));

	/*
	 * A rename through us moves the lower dentry first and ours a moment
	 * later, all under the lock of the parent.  Dropping our dentry in
	 * between would take the mounts beneath it along, so where someone
	 * holds that lock let it pass; an operation that this misleads finds
	 * out under the lock, says ESTALE and is repeated with LOOKUP_REVAL.
	 */
	if (!valid && !(flags & (LOOKUP_EXCL | LOOKUP_REVAL)))
		valid = inode_is_locked(d_inode(parent));
	dput(parent);
	return valid;
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
	struct dentry *lower;
	int ret;

	if (flags & LOOKUP_RCU)
		return -ECHILD;

	lower = vexfs_lower_dentry(dentry);
	if (lower->d_flags & DCACHE_OP_REVALIDATE) {
		ret = vexfs_revalidate_lower(lower, flags);
		if (ret <= 0)
			return ret;
	}
	/* A filesystem stacked on us may ask about a file without a name. */
	if (!d_unhashed(dentry) && !vexfs_is_current(dentry, flags))
		return 0;

	if (d_really_is_positive(dentry))
		vexfs_copy_attr(d_inode(dentry));
	return 1;
}

COMPAT_D_REVALIDATE(vexfs_d_revalidate)

static void vexfs_d_release(struct dentry *dentry)
{
	dput(vexfs_lower_dentry(dentry));
}

const struct dentry_operations vexfs_dentry_ops = {
	.d_revalidate	= compat_d_revalidate(vexfs_d_revalidate),
	.d_release	= vexfs_d_release,
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended attributes and POSIX ACLs: the lower file's.
 */
#include <linux/fs.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>

#include "fs/internal.h"

static int vexfs_xattr_get(const struct xattr_handler *handler,
			   struct dentry *dentry, struct inode *inode,
			   const char *name, void *value, size_t size)
{
	return vfs_getxattr(&nop_mnt_idmap, vexfs_lower_dentry(dentry), name,
			    value, size);
}

static int vexfs_xattr_set(const struct xattr_handler *handler,
			   struct mnt_idmap *idmap, struct dentry *dentry,
			   struct inode *inode, const char *name,
			   const void *value, size_t size, int flags)
{
	struct dentry *lower = vexfs_lower_dentry(dentry);
	int err;

	err = vexfs_want_write(dentry->d_sb);
	if (err)
		return err;
	if (value)
		err = vfs_setxattr(&nop_mnt_idmap, lower, name, value, size,
				   flags);
	else
		err = vfs_removexattr(&nop_mnt_idmap, lower, name);
	vexfs_drop_write(dentry->d_sb);

	vexfs_copy_attr(inode);
	return err;
}

static const struct xattr_handler vexfs_xattr_handler = {
	.prefix	= "",	/* every name */
	.get	= vexfs_xattr_get,
	.set	= vexfs_xattr_set,
};

const struct xattr_handler * const vexfs_xattr_handlers[] = {
	&vexfs_xattr_handler,
	NULL
};

ssize_t vexfs_listxattr(struct dentry *dentry, char *list, size_t size)
{
	return vfs_listxattr(vexfs_lower_dentry(dentry), list, size);
}

struct posix_acl *vexfs_get_acl(struct mnt_idmap *idmap, struct dentry *dentry,
				int type)
{
	return vfs_get_acl(&nop_mnt_idmap, vexfs_lower_dentry(dentry),
			   posix_acl_xattr_name(type));
}

int vexfs_set_acl(struct mnt_idmap *idmap, struct dentry *dentry,
		  struct posix_acl *acl, int type)
{
	struct dentry *lower = vexfs_lower_dentry(dentry);
	const char *name = posix_acl_xattr_name(type);
	int err;

	err = vexfs_want_write(dentry->d_sb);
	if (err)
		return err;
	if (acl)
		err = vfs_set_acl(&nop_mnt_idmap, lower, name, acl);
	else
		err = vfs_remove_acl(&nop_mnt_idmap, lower, name);
	vexfs_drop_write(dentry->d_sb);

	vexfs_copy_attr(d_inode(dentry));
	return err;
}

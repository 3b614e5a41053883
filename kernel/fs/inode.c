// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inodes: one for each lower inode, however many names it has, with a copy
 * of the attributes that the VFS looks at.  The lower filesystem decides on
 * permissions and keeps every attribute.
 */
#include <linux/fiemap.h>
#include <linux/fileattr.h>
#include <linux/fs_stack.h>
#include <linux/posix_acl.h>

#include "fs/internal.h"

void vexfs_copy_attr(struct inode *inode)
{
	struct inode *lower = vexfs_lower_inode(inode);

	/* Two copies at once must not count the loss of the last link twice. */
	spin_lock(&inode->i_lock);
	fsstack_copy_attr_all(inode, lower);
	spin_unlock(&inode->i_lock);
	fsstack_copy_inode_size(inode, lower);
}

int vexfs_permission(struct mnt_idmap *idmap, struct inode *inode, int mask)
{
	return inode_permission(&nop_mnt_idmap, vexfs_lower_inode(inode), mask);
}

/* Whether the caller may do it is for the lower filesystem to say. */
static int vexfs_lower_setattr(struct dentry *dentry, struct iattr *attr)
{
	struct dentry *lower = vexfs_lower_dentry(dentry);
	struct inode *lower_inode = d_inode(lower);
	struct iattr lower_attr = *attr;
	int err;

	/* The lower filesystem works out which bits are to go. */
	if (attr->ia_valid & (ATTR_KILL_SUID | ATTR_KILL_SGID))
		lower_attr.ia_valid &= ~ATTR_MODE;
	/* The lower file was opened without O_TRUNC. */
	lower_attr.ia_valid &= ~ATTR_OPEN;
	if (attr->ia_valid & ATTR_FILE)
		lower_attr.ia_file = vexfs_lower_file(attr->ia_file);

	if (attr->ia_valid & ATTR_SIZE) {
		err = get_write_access(lower_inode);
		if (err)
			return err;
	}

	inode_lock(lower_inode);
	err = notify_change(&nop_mnt_idmap, lower, &lower_attr, NULL);
	inode_unlock(lower_inode);

	if (attr->ia_valid & ATTR_SIZE)
		put_write_access(lower_inode);
	return err;
}

int vexfs_setattr(struct mnt_idmap *idmap, struct dentry *dentry,
		  struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	int err;

	err = vexfs_want_write(inode->i_sb);
	if (err)
		return err;
	if (attr->ia_valid & ATTR_SIZE)
		vexfs_content_changing(inode);
	err = vexfs_lower_setattr(dentry, attr);
	vexfs_drop_write(inode->i_sb);

	vexfs_copy_attr(inode);
	if (attr->ia_valid & ATTR_SIZE)
		vexfs_content_changed(inode);
	return err;
}

int vexfs_getattr(struct mnt_idmap *idmap, const struct path *path,
		  struct kstat *stat, u32 request_mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);
	struct path lower = vexfs_lower_path(path->dentry);
	int err;

	if (flags & AT_GETATTR_NOSEC)
		err = vfs_getattr_nosec(&lower, stat, request_mask,
					flags & ~AT_GETATTR_NOSEC);
	else
		err = vfs_getattr(&lower, stat, request_mask, flags);
	if (err)
		return err;

	vexfs_copy_attr(inode);
	stat->dev = inode->i_sb->s_dev;
	return 0;
}

int vexfs_fileattr_get(struct dentry *dentry, struct fileattr *fa)
{
	return vfs_fileattr_get(vexfs_lower_dentry(dentry), fa);
}

int vexfs_fileattr_set(struct mnt_idmap *idmap, struct dentry *dentry,
		       struct fileattr *fa)
{
	int err;

	err = vexfs_want_write(dentry->d_sb);
	if (err)
		return err;
	err = vfs_fileattr_set(&nop_mnt_idmap, vexfs_lower_dentry(dentry), fa);
	vexfs_drop_write(dentry->d_sb);

	vexfs_copy_attr(d_inode(dentry));
	return err;
}

static int vexfs_fiemap(struct inode *inode, struct fiemap_extent_info *info,
			u64 start, u64 len)
{
	struct inode *lower = vexfs_lower_inode(inode);

	if (!lower->i_op->fiemap)
		return -EOPNOTSUPP;
	return lower->i_op->fiemap(lower, info, start, len);
}

static const char *vexfs_get_link(struct dentry *dentry, struct inode *inode,
				  struct delayed_call *done)
{
	struct path lower;

	if (!dentry)
		return ERR_PTR(-ECHILD);

	lower = vexfs_lower_path(dentry);
	touch_atime(&lower);
	return vfs_get_link(lower.dentry, done);
}

static const struct inode_operations vexfs_symlink_inode_ops = {
	.get_link	= vexfs_get_link,
	.permission	= vexfs_permission,
	.setattr	= vexfs_setattr,
	.getattr	= vexfs_getattr,
	.listxattr	= vexfs_listxattr,
};

static const struct inode_operations vexfs_file_inode_ops = {
	.permission	= vexfs_permission,
	.setattr	= vexfs_setattr,
	.getattr	= vexfs_getattr,
	.listxattr	= vexfs_listxattr,
	.get_acl	= vexfs_get_acl,
	.set_acl	= vexfs_set_acl,
	.fileattr_get	= vexfs_fileattr_get,
	.fileattr_set	= vexfs_fileattr_set,
	.fiemap		= vexfs_fiemap,
};

static int vexfs_inode_test(struct inode *inode, void *lower)
{
	return vexfs_lower_inode(inode) == lower;
}

static int vexfs_inode_set(struct inode *inode, void *data)
{
	struct inode *lower = data;

	ihold(lower);
	vexfs_i(inode)->lower = lower;
	inode->i_ino = lower->i_ino;
	return 0;
}

static void vexfs_inode_set_ops(struct inode *inode)
{
	switch (inode->i_mode & S_IFMT) {
	case S_IFREG:
		inode->i_op = &vexfs_file_inode_ops;
		inode->i_fop = &vexfs_file_ops;
		break;
	case S_IFDIR:
		inode->i_op = &vexfs_dir_inode_ops;
		inode->i_fop = &vexfs_dir_ops;
		break;
	case S_IFLNK:
		inode->i_op = &vexfs_symlink_inode_ops;
		break;
	default:
		inode->i_op = &vexfs_file_inode_ops;
		init_special_inode(inode, inode->i_mode, inode->i_rdev);
		break;
	}
}

/* The caller holds a reference to @lower. */
struct inode *vexfs_iget(struct super_block *sb, struct inode *lower)
{
	struct inode *inode;

	inode = iget5_locked(sb, (unsigned long)lower, vexfs_inode_test,
			     vexfs_inode_set, lower);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (!(inode->i_state & I_NEW)) {
		vexfs_copy_attr(inode);
		return inode;
	}

	vexfs_copy_attr(inode);
	vexfs_inode_set_ops(inode);
	/* The lower inode caches them, and is told when they change. */
	inode->i_acl = ACL_DONT_CACHE;
	inode->i_default_acl = ACL_DONT_CACHE;
	unlock_new_inode(inode);
	return inode;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inodes: one for each lower inode, however many names it has, with a copy
 * of the attributes that the VFS looks at.  It keeps none of its own.
 */
#include <linux/fiemap.h>
#include <linux/fileattr.h>
#include <linux/fs_stack.h>
#include <linux/posix_acl.h>

#include "fs/internal.h"

/*
 * What the VFS acts on for us.  S_NOSEC saves a look for file capabilities before each
 * write.  The others are promises about the lower inode's own data.
 */
#define VEXFS_COPY_FLAGS	(S_SYNC | S_NOATIME | S_APPEND | S_IMMUTABLE | S_NOSEC)

/* The mode that the VFS sees; stat() shows the lower one. */
static umode_t vexfs_mode(const struct inode *inode)
{
	const struct inode *lower = vexfs_lower_inode(inode);
	umode_t mode = READ_ONCE(lower->i_mode);

	if (vexfs_sb(inode->i_sb)->nosuid && S_ISREG(mode))
		mode &= ~(S_ISUID | S_ISGID);
	return mode;
}

void vexfs_copy_attr(struct inode *inode)
{
	struct inode *lower = vexfs_lower_inode(inode);

	/* Two copies at once must not count the loss of the last link twice. */
	spin_lock(&inode->i_lock);
	inode->i_mode = vexfs_mode(inode);
	inode->i_uid = lower->i_uid;
	inode->i_gid = lower->i_gid;
	inode->i_blkbits = lower->i_blkbits;
	inode_set_atime_to_ts(inode, inode_get_atime(lower));
	inode_set_mtime_to_ts(inode, inode_get_mtime(lower));
	inode_set_ctime_to_ts(inode, inode_get_ctime(lower));
	set_nlink(inode, lower->i_nlink);
	if ((inode->i_flags ^ lower->i_flags) & VEXFS_COPY_FLAGS)
		inode_set_flags(inode, lower->i_flags & VEXFS_COPY_FLAGS,
				VEXFS_COPY_FLAGS);
	spin_unlock(&inode->i_lock);
	fsstack_copy_inode_size(inode, lower);
}

/*
 * Has the file got another owner or mode beneath?  A name is looked at anew whenever
 * it is used, but what is open already is not.
 */
bool vexfs_copy_is_old(const struct inode *inode)
{
	const struct inode *lower = vexfs_lower_inode(inode);

	return inode->i_mode != vexfs_mode(inode) ||
	       !uid_eq(inode->i_uid, lower->i_uid) ||
	       !gid_eq(inode->i_gid, lower->i_gid) ||
	       ((inode->i_flags ^ lower->i_flags) & (S_IMMUTABLE | S_APPEND));
}

/* May be called in a walk under RCU: nothing here sleeps in one. */
int vexfs_permission(struct mnt_idmap *idmap, struct inode *inode, int mask)
{
	const struct cred *caller;
	int err;

	if (vexfs_copy_is_old(inode)) {
		/* It may be on its way out: write nothing to it. */
		if (mask & MAY_NOT_BLOCK)
			return -ECHILD;
		vexfs_copy_attr(inode);
	}
	err = generic_permission(&nop_mnt_idmap, inode, mask);
	if (err)
		return err;

	caller = vexfs_act_as_mounter(inode->i_sb);
	err = inode_permission(&nop_mnt_idmap, vexfs_lower_inode(inode), mask);
	revert_creds(caller);
	return err;
}

/*
 * A file was read, a directory listed or a link followed: the VFS has found that our
 * mount wants to know.  Whether the store does is for its mount to say.
 */
int vexfs_update_time(struct inode *inode, enum fs_update_time type,
		      unsigned int flags)
{
	struct dentry *dentry;
	struct path lower;

	if (type != FS_UPD_ATIME)
		return 0;
	if (flags & IOCB_NOWAIT)
		return -EAGAIN;
	dentry = d_find_any_alias(inode);
	if (!dentry)
		return 0;

	lower = vexfs_lower_path(dentry);
	touch_atime(&lower);
	inode_set_atime_to_ts(inode, inode_get_atime(vexfs_lower_inode(inode)));
	dput(dentry);
	return 0;
}

COMPAT_UPDATE_TIME(vexfs_update_time)

/* After something was read beneath, where the lower file has O_NOATIME. */
void vexfs_accessed(struct file *file)
{
	struct inode *inode = file_inode(file);
	struct inode *lower = vexfs_lower_inode(inode);
	struct timespec64 ours, theirs;

	if (file->f_flags & O_NOATIME)
		return;

	/* relatime compares them with the access time. */
	ours = inode_get_mtime(inode);
	theirs = inode_get_mtime(lower);
	if (!timespec64_equal(&ours, &theirs))
		inode_set_mtime_to_ts(inode, theirs);
	ours = inode_get_ctime(inode);
	theirs = inode_get_ctime(lower);
	if (!timespec64_equal(&ours, &theirs))
		inode_set_ctime_to_ts(inode, theirs);
	touch_atime(&file->f_path);
}

/* Privileges that go with this change, which the VFS has not seen in our copy. */
static unsigned int vexfs_hidden_privs(const struct inode *inode, unsigned int valid)
{
	struct inode *lower = vexfs_lower_inode(inode);

	if (!vexfs_sb(inode->i_sb)->nosuid || !S_ISREG(lower->i_mode))
		return 0;
	if (valid & ATTR_SIZE)
		return setattr_should_drop_suidgid(&nop_mnt_idmap, lower) | ATTR_KILL_PRIV;
	if (valid & (ATTR_UID | ATTR_GID))
		return setattr_should_drop_sgid(&nop_mnt_idmap, lower);
	return 0;
}

static int vexfs_lower_setattr(struct dentry *dentry, struct iattr *attr)
{
	struct dentry *lower = vexfs_lower_dentry(dentry);
	struct inode *lower_inode = d_inode(lower);
	struct iattr lower_attr = *attr;
	struct vexfs_acting acting;
	int err;

	lower_attr.ia_valid |= vexfs_hidden_privs(d_inode(dentry), attr->ia_valid);

	/* The lower filesystem works out which bits are to go. */
	if (lower_attr.ia_valid & (ATTR_KILL_SUID | ATTR_KILL_SGID))
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

	err = vexfs_act_for_caller(&acting, d_inode(dentry));
	if (!err) {
		err = -EINTR;
		if (!down_write_killable(&lower_inode->i_rwsem)) {
			err = notify_change(&nop_mnt_idmap, lower, &lower_attr,
					    NULL);
			inode_unlock(lower_inode);
		}
		vexfs_act_end(&acting);
	}

	if (attr->ia_valid & ATTR_SIZE)
		put_write_access(lower_inode);
	return err;
}

int vexfs_setattr(struct mnt_idmap *idmap, struct dentry *dentry,
		  struct iattr *attr)
{
	const struct path lower = vexfs_lower_path(dentry);
	struct inode *inode = d_inode(dentry);
	int err = 0;

	/* The VFS has asked our copy: ask again if that was old. */
	if (vexfs_copy_is_old(inode)) {
		vexfs_copy_attr(inode);
		err = may_setattr(&nop_mnt_idmap, inode, attr->ia_valid);
	}
	if (!err)
		err = setattr_prepare(&nop_mnt_idmap, dentry, attr);
	if (err)
		return err;

	err = vexfs_want_write(inode->i_sb);
	if (err)
		return err;
	if (attr->ia_valid & ATTR_SIZE)
		vexfs_content_changing(inode, &lower);
	err = vexfs_lower_setattr(dentry, attr);
	vexfs_drop_write(inode->i_sb);

	vexfs_copy_attr(inode);
	if (attr->ia_valid & ATTR_SIZE)
		vexfs_content_changed(inode, &lower, (struct vexfs_range){});
	return err;
}

int vexfs_getattr(struct mnt_idmap *idmap, const struct path *path,
		  struct kstat *stat, u32 request_mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);
	struct path lower = vexfs_lower_path(path->dentry);
	const struct cred *caller;
	int err;

	caller = vexfs_act_as_mounter(inode->i_sb);
	/* Security modules are asked about our file, by our caller. */
	err = vfs_getattr_nosec(&lower, stat, request_mask, flags);
	revert_creds(caller);
	if (err)
		return err;

	vexfs_copy_attr(inode);
	stat->dev = inode->i_sb->s_dev;
	return 0;
}

int vexfs_fileattr_get(struct dentry *dentry, struct file_kattr *fa)
{
	const struct cred *caller = vexfs_act_as_mounter(dentry->d_sb);
	int err;

	err = vfs_fileattr_get(vexfs_lower_dentry(dentry), fa);
	revert_creds(caller);
	return err;
}

int vexfs_fileattr_set(struct mnt_idmap *idmap, struct dentry *dentry,
		       struct file_kattr *fa)
{
	struct inode *inode = d_inode(dentry);
	struct vexfs_acting acting;
	int err;

	/* The VFS has asked our copy, which may be old. */
	vexfs_copy_attr(inode);
	if (!inode_owner_or_capable(&nop_mnt_idmap, inode))
		return -EPERM;

	err = vexfs_want_write(inode->i_sb);
	if (err)
		return err;
	err = vexfs_act_for_caller(&acting, inode);
	if (!err) {
		err = vfs_fileattr_set(&nop_mnt_idmap, vexfs_lower_dentry(dentry), fa);
		vexfs_act_end(&acting);
	}
	vexfs_drop_write(inode->i_sb);

	vexfs_copy_attr(inode);
	return err;
}

static int vexfs_fiemap(struct inode *inode, struct fiemap_extent_info *info,
			u64 start, u64 len)
{
	struct inode *lower = vexfs_lower_inode(inode);
	const struct cred *caller;
	int err;

	if (!lower->i_op->fiemap)
		return -EOPNOTSUPP;
	caller = vexfs_act_as_mounter(inode->i_sb);
	err = lower->i_op->fiemap(lower, info, start, len);
	revert_creds(caller);
	return err;
}

static const char *vexfs_get_link(struct dentry *dentry, struct inode *inode,
				  struct delayed_call *done)
{
	const struct cred *caller;
	const char *target;

	if (!dentry)
		return ERR_PTR(-ECHILD);

	caller = vexfs_act_as_mounter(inode->i_sb);
	target = vfs_get_link(vexfs_lower_dentry(dentry), done);
	revert_creds(caller);
	return target;
}

static const struct inode_operations vexfs_symlink_inode_ops = {
	.get_link	= vexfs_get_link,
	.permission	= vexfs_permission,
	.setattr	= vexfs_setattr,
	.getattr	= vexfs_getattr,
	.listxattr	= vexfs_listxattr,
	.update_time	= compat_update_time(vexfs_update_time),
};

static const struct inode_operations vexfs_file_inode_ops = {
	.permission	= vexfs_permission,
	.setattr	= vexfs_setattr,
	.getattr	= vexfs_getattr,
	.listxattr	= vexfs_listxattr,
	.update_time	= compat_update_time(vexfs_update_time),
	.get_inode_acl	= vexfs_get_inode_acl,
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
	inode->i_rdev = lower->i_rdev;
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

static void vexfs_inode_set_up(struct inode *inode)
{
	vexfs_copy_attr(inode);
	vexfs_inode_set_ops(inode);
	/* The lower inode caches them, and is told when they change. */
	inode->i_acl = ACL_DONT_CACHE;
	inode->i_default_acl = ACL_DONT_CACHE;
	unlock_new_inode(inode);
}

/* The caller holds a reference to @lower. */
struct inode *vexfs_iget(struct super_block *sb, struct inode *lower)
{
	struct inode *inode;

	/* See vexfs_is_weird(). */
	if (IS_AUTOMOUNT(lower))
		return ERR_PTR(-EREMOTE);
	inode = iget5_locked(sb, (unsigned long)lower, vexfs_inode_test,
			     vexfs_inode_set, lower);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (inode_state_read_once(inode) & I_NEW)
		vexfs_inode_set_up(inode);
	else
		vexfs_copy_attr(inode);
	return inode;
}

/*
 * The same without a failure, since @spare is there already, by new_inode().  Takes the
 * reference to it over.
 */
struct inode *vexfs_iget_into(struct inode *spare, struct inode *lower)
{
	struct inode *inode;

	inode = inode_insert5(spare, (unsigned long)lower, vexfs_inode_test,
			      vexfs_inode_set, lower);
	if (inode == spare) {
		vexfs_inode_set_up(inode);
	} else {
		iput(spare);
		vexfs_copy_attr(inode);
	}
	return inode;
}

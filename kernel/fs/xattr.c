// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended attributes and POSIX ACLs: the lower file's.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>

#include "fs/internal.h"

/*
 * The VFS has asked whether the caller may, except for these: what they are and who
 * may have them only the lower filesystem knows.  So it sees the caller.
 */
static bool vexfs_lower_decides(const char *name)
{
	return !strncmp(name, XATTR_SYSTEM_PREFIX, XATTR_SYSTEM_PREFIX_LEN);
}

/* Programs of a store that is mounted nosuid have no capabilities. */
static bool vexfs_is_hidden(const struct super_block *sb, const char *name)
{
	return vexfs_sb(sb)->nosuid && !strcmp(name, XATTR_NAME_CAPS);
}

static int vexfs_xattr_get(const struct xattr_handler *handler,
			   struct dentry *dentry, struct inode *inode,
			   const char *name, void *value, size_t size)
{
	struct super_block *sb = dentry->d_sb;
	const struct cred *caller;
	int ret;

	if (vexfs_is_hidden(sb, name))
		return -ENODATA;

	caller = override_creds(vexfs_lower_decides(name) ? current_cred() :
				vexfs_sb(sb)->cred);
	ret = vfs_getxattr(&nop_mnt_idmap, vexfs_lower_dentry(dentry), name,
			   value, size);
	revert_creds(caller);
	return ret;
}

static int vexfs_lower_setxattr(struct dentry *dentry, const char *name,
				const void *value, size_t size, int flags)
{
	struct dentry *lower = vexfs_lower_dentry(dentry);

	if (!value)
		return vfs_removexattr(&nop_mnt_idmap, lower, name);
	return vfs_setxattr(&nop_mnt_idmap, lower, name, value, size, flags);
}

static int vexfs_xattr_set(const struct xattr_handler *handler,
			   struct mnt_idmap *idmap, struct dentry *dentry,
			   struct inode *inode, const char *name,
			   const void *value, size_t size, int flags)
{
	struct vexfs_acting acting;
	int err;

	err = vexfs_want_write(dentry->d_sb);
	if (err)
		return err;
	if (vexfs_lower_decides(name)) {
		err = vexfs_lower_setxattr(dentry, name, value, size, flags);
	} else {
		err = vexfs_act_for_caller(&acting, inode);
		if (!err) {
			err = vexfs_lower_setxattr(dentry, name, value, size, flags);
			vexfs_act_end(&acting);
		}
	}
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

/* The lower filesystem has listed what the mounter may know of. */
static bool vexfs_may_list(const struct super_block *sb, const char *name)
{
	if (vexfs_is_hidden(sb, name))
		return false;
	return strncmp(name, XATTR_TRUSTED_PREFIX, XATTR_TRUSTED_PREFIX_LEN) ||
	       ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
}

ssize_t vexfs_listxattr(struct dentry *dentry, char *list, size_t size)
{
	const struct cred *caller = vexfs_act_as_mounter(dentry->d_sb);
	ssize_t listed, kept = 0, at = 0, bytes;

	listed = vfs_listxattr(vexfs_lower_dentry(dentry), list, size);
	revert_creds(caller);
	if (listed <= 0 || !size)
		return listed;

	for (at = 0; at < listed; at += bytes) {
		bytes = strnlen(list + at, listed - at) + 1;
		if (bytes > listed - at)
			return -EIO;
		if (!vexfs_may_list(dentry->d_sb, list + at))
			continue;
		memmove(list + kept, list + at, bytes);
		kept += bytes;
	}
	return kept;
}

/* For permissions, also in a walk under RCU. */
struct posix_acl *vexfs_get_inode_acl(struct inode *inode, int type, bool rcu)
{
	struct inode *lower = vexfs_lower_inode(inode);
	const struct cred *caller;
	struct posix_acl *acl;

	if (!IS_POSIXACL(lower))
		return NULL;
	if (rcu)
		return get_cached_acl_rcu(lower, type);

	caller = vexfs_act_as_mounter(inode->i_sb);
	acl = get_inode_acl(lower, type);
	revert_creds(caller);
	return acl;
}

struct posix_acl *vexfs_get_acl(struct mnt_idmap *idmap, struct dentry *dentry,
				int type)
{
	const struct cred *caller = vexfs_act_as_mounter(dentry->d_sb);
	struct posix_acl *acl;

	acl = vfs_get_acl(&nop_mnt_idmap, vexfs_lower_dentry(dentry),
			  posix_acl_xattr_name(type));
	revert_creds(caller);
	return acl;
}

static int vexfs_lower_set_acl(struct dentry *dentry, struct posix_acl *acl, int type)
{
	struct dentry *lower = vexfs_lower_dentry(dentry);
	const char *name = posix_acl_xattr_name(type);
	struct vexfs_acting acting;
	int err;

	err = vexfs_act_for_caller(&acting, d_inode(dentry));
	if (err)
		return err;
	if (acl)
		err = vfs_set_acl(&nop_mnt_idmap, lower, name, acl);
	else
		err = vfs_remove_acl(&nop_mnt_idmap, lower, name);
	vexfs_act_end(&acting);
	return err;
}

int vexfs_set_acl(struct mnt_idmap *idmap, struct dentry *dentry,
		  struct posix_acl *acl, int type)
{
	struct inode *inode = d_inode(dentry);
	int err;

	/* The VFS may have asked a copy that is old. */
	vexfs_copy_attr(inode);
	if (!inode_owner_or_capable(&nop_mnt_idmap, inode))
		return -EPERM;

	err = vexfs_want_write(dentry->d_sb);
	if (err)
		return err;
	err = vexfs_lower_set_acl(dentry, acl, type);
	vexfs_drop_write(dentry->d_sb);

	vexfs_copy_attr(inode);
	return err;
}

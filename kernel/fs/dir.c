// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names: looking them up and changing them.
 *
 * The VFS holds the locks of our directories; the lower ones are taken
 * inside these, in the order in which the VFS would take them.
 */
#include <linux/cred.h>
#include <linux/namei.h>

#include "fs/internal.h"

/*
 * A directory that was moved beneath us takes its dentry along, unless the caller is a
 * rename, which holds the lock for that.  Then forget that dentry, if nobody uses it.
 */
static struct dentry *vexfs_splice_dir(struct inode *inode, struct dentry *dentry)
{
	struct dentry *found, *alias;

	ihold(inode);
	found = d_splice_alias(inode, dentry);
	if (found != ERR_PTR(-ESTALE)) {
		iput(inode);
		return found;
	}
	alias = d_find_any_alias(inode);
	if (alias)
		shrink_dcache_parent(alias);
	dput(alias);
	d_prune_aliases(inode);
	return d_splice_alias(inode, dentry);
}

static struct dentry *vexfs_lookup(struct inode *dir, struct dentry *dentry,
				   unsigned int flags)
{
	struct dentry *lower_dir = vexfs_lower_dentry(dentry->d_parent);
	struct qstr name = QSTR_INIT(dentry->d_name.name, dentry->d_name.len);
	struct inode *lower_inode, *inode = NULL;
	const struct cred *caller;
	struct dentry *lower;

	caller = vexfs_act_as_mounter(dentry->d_sb);
	lower = lookup_one_unlocked(&nop_mnt_idmap, &name, lower_dir);
	revert_creds(caller);
	if (IS_ERR(lower))
		return lower;
	dentry->d_fsdata = lower;
	if (vexfs_is_weird(lower))
		return ERR_PTR(-EREMOTE);

	/* It may turn positive under us: look only once. */
	lower_inode = d_inode_rcu(lower);
	if (lower_inode) {
		inode = vexfs_iget(dentry->d_sb, lower_inode);
		if (IS_ERR(inode))
			return ERR_CAST(inode);
	}
	if (inode && S_ISDIR(inode->i_mode))
		return vexfs_splice_dir(inode, dentry);
	return d_splice_alias(inode, dentry);
}

static struct inode *vexfs_lower_dir(const struct dentry *dentry)
{
	return d_inode(vexfs_lower_dentry(dentry->d_parent));
}

/*
 * Make ready to change the lower name of @dentry, which someone may have
 * changed beneath us since it was looked up.
 */
static int vexfs_lock_lower_name(struct dentry *dentry)
{
	struct dentry *lower_dir = vexfs_lower_dentry(dentry->d_parent);
	int err;

	err = vexfs_want_write(dentry->d_sb);
	if (err)
		return err;

	err = -EINTR;
	if (down_write_killable_nested(&d_inode(lower_dir)->i_rwsem,
				       I_MUTEX_PARENT))
		goto out;
	if (vexfs_is_current(dentry))
		return 0;

	err = -ESTALE;
	inode_unlock(d_inode(lower_dir));
out:
	vexfs_drop_write(dentry->d_sb);
	return err;
}

/* The acting has begun, and ends here if this fails. */
static int vexfs_lock_acting(const struct vexfs_acting *acting, struct dentry *dentry)
{
	int err;

	err = vexfs_lock_lower_name(dentry);
	if (err)
		vexfs_act_end(acting);
	return err;
}

static int vexfs_lock_name(struct vexfs_acting *acting, struct dentry *dentry)
{
	int err;

	err = vexfs_act_for_caller(acting, d_inode(dentry->d_parent));
	return err ? err : vexfs_lock_acting(acting, dentry);
}

/* The same for a name that is to be given to a new file. */
static int vexfs_lock_new_name(struct vexfs_acting *acting, struct dentry *dentry,
			       umode_t mode)
{
	int err;

	err = vexfs_act_as_creator(acting, dentry, mode);
	return err ? err : vexfs_lock_acting(acting, dentry);
}

/* After a change that failed or not, with the lower directory unlocked. */
static void vexfs_end_name(const struct vexfs_acting *acting, struct inode *dir,
			   struct dentry *dentry)
{
	vexfs_drop_write(dentry->d_sb);
	vexfs_act_end(acting);
	vexfs_copy_attr(dir);
}

static void vexfs_unlock_name(const struct vexfs_acting *acting, struct inode *dir,
			      struct dentry *dentry)
{
	inode_unlock(vexfs_lower_dir(dentry));
	vexfs_end_name(acting, dir, dentry);
}

/*
 * Make ready to create the lower object of @dentry.  Our inode for it is made first: to
 * fail after the lower object is there would leave it behind.
 */
static int vexfs_begin_create(struct vexfs_acting *acting, struct dentry *dentry,
			      umode_t mode, struct inode **spare)
{
	int err;

	*spare = new_inode(dentry->d_sb);
	if (!*spare)
		return -ENOMEM;
	err = vexfs_lock_new_name(acting, dentry, mode);
	if (err)
		iput(*spare);
	return err;
}

static int vexfs_end_create(const struct vexfs_acting *acting, struct inode *dir,
			    struct dentry *dentry, struct inode *spare, int err)
{
	struct dentry *lower = vexfs_lower_dentry(dentry);

	if (!err && d_really_is_positive(lower)) {
		d_instantiate(dentry, vexfs_iget_into(spare, d_inode(lower)));
		spare = NULL;
	} else if (!err) {
		/* Some filesystems leave it to the next look-up. */
		d_drop(dentry);
	}
	vexfs_unlock_name(acting, dir, dentry);
	iput(spare);
	return err;
}

static int vexfs_create(struct mnt_idmap *idmap, struct inode *dir,
			struct dentry *dentry, umode_t mode, bool excl)
{
	struct vexfs_acting acting;
	struct inode *spare;
	int err;

	err = vexfs_begin_create(&acting, dentry, S_IFREG | mode, &spare);
	if (err)
		return err;
	err = vfs_create(&nop_mnt_idmap, vexfs_lower_dentry(dentry), mode,
			 NULL);
	return vexfs_end_create(&acting, dir, dentry, spare, err);
}

static struct dentry *vexfs_mkdir(struct mnt_idmap *idmap, struct inode *dir,
				  struct dentry *dentry, umode_t mode)
{
	struct dentry *lower = vexfs_lower_dentry(dentry);
	struct vexfs_acting acting;
	struct inode *spare;
	int err;

	err = vexfs_begin_create(&acting, dentry, S_IFDIR | mode, &spare);
	if (err)
		return ERR_PTR(err);
	/* The lock and the reference are dropped for us when it fails. */
	lower = vfs_mkdir(&nop_mnt_idmap, vexfs_lower_dir(dentry), dget(lower),
			  mode, NULL);
	if (IS_ERR(lower)) {
		vexfs_end_name(&acting, dir, dentry);
		iput(spare);
		return lower;
	}
	err = vexfs_end_create(&acting, dir, dentry, spare, 0);
	dput(lower);
	return ERR_PTR(err);
}

COMPAT_MKDIR(vexfs_mkdir)
COMPAT_UPDATE_TIME(vexfs_update_time)

static int vexfs_mknod(struct mnt_idmap *idmap, struct inode *dir,
		       struct dentry *dentry, umode_t mode, dev_t dev)
{
	struct vexfs_acting acting;
	struct inode *spare;
	int err;

	err = vexfs_begin_create(&acting, dentry, mode, &spare);
	if (err)
		return err;
	err = vfs_mknod(&nop_mnt_idmap, vexfs_lower_dir(dentry),
			vexfs_lower_dentry(dentry), mode, dev, NULL);
	return vexfs_end_create(&acting, dir, dentry, spare, err);
}

static int vexfs_symlink(struct mnt_idmap *idmap, struct inode *dir,
			 struct dentry *dentry, const char *target)
{
	struct vexfs_acting acting;
	struct inode *spare;
	int err;

	err = vexfs_begin_create(&acting, dentry, S_IFLNK, &spare);
	if (err)
		return err;
	err = vfs_symlink(&nop_mnt_idmap, vexfs_lower_dir(dentry),
			  vexfs_lower_dentry(dentry), target, NULL);
	return vexfs_end_create(&acting, dir, dentry, spare, err);
}

static int vexfs_link(struct dentry *old_dentry, struct inode *dir,
		      struct dentry *dentry)
{
	struct dentry *lower_old = vexfs_lower_dentry(old_dentry);
	struct dentry *lower = vexfs_lower_dentry(dentry);
	struct inode *inode = d_inode(old_dentry);
	struct vexfs_acting acting;
	int err;

	err = vexfs_lock_name(&acting, dentry);
	if (err)
		return err;
	err = vfs_link(lower_old, &nop_mnt_idmap, vexfs_lower_dir(dentry), lower,
		       NULL);
	if (!err)
		vexfs_copy_attr(inode);
	if (!err && d_inode(lower) == vexfs_lower_inode(inode)) {
		ihold(inode);
		d_instantiate(dentry, inode);
	} else if (!err) {
		d_drop(dentry);
	}
	vexfs_unlock_name(&acting, dir, dentry);
	return err;
}

/* The name is gone, but whoever has it open goes on using the inode. */
static void vexfs_removed(struct dentry *dentry)
{
	vexfs_copy_attr(d_inode(dentry));
	d_drop(dentry);
}

static int vexfs_unlink(struct inode *dir, struct dentry *dentry)
{
	struct dentry *lower = vexfs_lower_dentry(dentry);
	struct vexfs_acting acting;
	int err;

	err = vexfs_lock_name(&acting, dentry);
	if (err)
		return err;
	/* A dentry that is held twice is not made negative. */
	dget(lower);
	err = vfs_unlink(&nop_mnt_idmap, vexfs_lower_dir(dentry), lower, NULL);
	if (!err)
		vexfs_removed(dentry);
	dput(lower);
	vexfs_unlock_name(&acting, dir, dentry);
	return err;
}

static int vexfs_rmdir(struct inode *dir, struct dentry *dentry)
{
	struct dentry *lower = vexfs_lower_dentry(dentry);
	struct vexfs_acting acting;
	int err;

	err = vexfs_lock_name(&acting, dentry);
	if (err)
		return err;
	/* A dentry that is held twice is not made negative. */
	dget(lower);
	err = vfs_rmdir(&nop_mnt_idmap, vexfs_lower_dir(dentry), lower, NULL);
	if (!err)
		vexfs_removed(dentry);
	dput(lower);
	vexfs_unlock_name(&acting, dir, dentry);
	return err;
}

/*
 * The lower counterpart of a rename that the VFS has found legal for ours, and ours,
 * which FS_RENAME_DOES_D_MOVE leaves to us.  @vacated: where @new_dentry goes, or NULL.
 */
static int vexfs_lower_rename(struct dentry *old_dentry,
			      struct dentry *new_dentry,
			      struct dentry *vacated, unsigned int flags)
{
	struct dentry *old_dir = vexfs_lower_dentry(old_dentry->d_parent);
	struct dentry *new_dir = vexfs_lower_dentry(new_dentry->d_parent);
	struct renamedata rd = {
		.mnt_idmap	= &nop_mnt_idmap,
		.old_parent	= old_dir,
		.new_parent	= new_dir,
		.flags		= flags,
	};
	int err;

	err = start_renaming_two_dentries(&rd, vexfs_lower_dentry(old_dentry),
					  vexfs_lower_dentry(new_dentry));
	/* The VFS found it legal, so someone has moved names beneath us. */
	if (err)
		return err == -EXDEV ? err : -ESTALE;
	err = -ESTALE;
	if (vexfs_is_current(old_dentry) && vexfs_is_current(new_dentry))
		err = vfs_rename(&rd);
	/* All moved or none, for whoever looks under these locks (dentry.c). */
	if (!err) {
		d_move(old_dentry, new_dentry);
		if (vacated)
			d_move(new_dentry, vacated);
	}
	end_renaming(&rd);
	return err;
}

static int vexfs_rename(struct mnt_idmap *idmap, struct inode *old_dir,
			struct dentry *old_dentry, struct inode *new_dir,
			struct dentry *new_dentry, unsigned int flags)
{
	struct dentry *vacated = NULL;
	struct vexfs_acting acting;
	int err;

	/* Modules have no d_exchange(): so another dentry has the old name. */
	if (flags & RENAME_EXCHANGE) {
		vacated = d_alloc(old_dentry->d_parent, &old_dentry->d_name);
		if (!vacated)
			return -ENOMEM;
	}
	err = vexfs_act_for_caller(&acting, new_dir);
	if (!err) {
		err = vexfs_want_write(old_dir->i_sb);
		if (!err) {
			err = vexfs_lower_rename(old_dentry, new_dentry, vacated,
						 flags);
			vexfs_drop_write(old_dir->i_sb);
		}
		vexfs_act_end(&acting);
	}
	dput(vacated);
	if (err)
		return err;

	vexfs_copy_attr(old_dir);
	vexfs_copy_attr(new_dir);
	vexfs_copy_attr(d_inode(old_dentry));
	if (d_really_is_positive(new_dentry))
		vexfs_copy_attr(d_inode(new_dentry));
	return err;
}

const struct inode_operations vexfs_dir_inode_ops = {
	.lookup		= vexfs_lookup,
	.create		= vexfs_create,
	.link		= vexfs_link,
	.unlink		= vexfs_unlink,
	.symlink	= vexfs_symlink,
	.mkdir		= compat_mkdir(vexfs_mkdir),
	.rmdir		= vexfs_rmdir,
	.mknod		= vexfs_mknod,
	.rename		= vexfs_rename,
	.tmpfile	= vexfs_tmpfile,
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
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names: looking them up and changing them.
 *
 * The VFS holds the locks of our directories; the lower ones are taken
 * inside these, in the order in which the VFS would take them.
 */
#include <linux/namei.h>

#include "fs/internal.h"

static struct dentry *vexfs_lookup(struct inode *dir, struct dentry *dentry,
				   unsigned int flags)
{
	struct dentry *lower_dir = vexfs_lower_dentry(dentry->d_parent);
	struct inode *lower_inode, *inode = NULL;
	struct dentry *lower;

	lower = lookup_one_unlocked(&nop_mnt_idmap, dentry->d_name.name,
				    lower_dir, dentry->d_name.len);
	if (IS_ERR(lower))
		return lower;
	dentry->d_fsdata = lower;

	/* It may turn positive under us: look only once. */
	lower_inode = d_inode_rcu(lower);
	if (lower_inode) {
		inode = vexfs_iget(dentry->d_sb, lower_inode);
		if (IS_ERR(inode))
			return ERR_CAST(inode);
	}
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
static int vexfs_lock_name(struct dentry *dentry)
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

static void vexfs_unlock_name(struct inode *dir, struct dentry *dentry)
{
	inode_unlock(vexfs_lower_dir(dentry));
	vexfs_drop_write(dentry->d_sb);
	vexfs_copy_attr(dir);
}

/*
 * Make ready to create the lower object of @dentry.  Our inode for it is made first: to
 * fail after the lower object is there would leave it behind.
 */
static int vexfs_begin_create(struct dentry *dentry, struct inode **spare)
{
	int err;

	*spare = new_inode(dentry->d_sb);
	if (!*spare)
		return -ENOMEM;
	err = vexfs_lock_name(dentry);
	if (err)
		iput(*spare);
	return err;
}

static int vexfs_end_create(struct inode *dir, struct dentry *dentry,
			    struct inode *spare, int err)
{
	struct dentry *lower = vexfs_lower_dentry(dentry);

	if (!err && d_really_is_positive(lower)) {
		d_instantiate(dentry, vexfs_iget_into(spare, d_inode(lower)));
		spare = NULL;
	} else if (!err) {
		/* Some filesystems leave it to the next look-up. */
		d_drop(dentry);
	}
	vexfs_unlock_name(dir, dentry);
	iput(spare);
	return err;
}

static int vexfs_create(struct mnt_idmap *idmap, struct inode *dir,
			struct dentry *dentry, umode_t mode, bool excl)
{
	struct inode *spare;
	int err;

	err = vexfs_begin_create(dentry, &spare);
	if (err)
		return err;
	err = vfs_create(&nop_mnt_idmap, vexfs_lower_dir(dentry),
			 vexfs_lower_dentry(dentry), mode, excl);
	return vexfs_end_create(dir, dentry, spare, err);
}

static int vexfs_mkdir(struct mnt_idmap *idmap, struct inode *dir,
		       struct dentry *dentry, umode_t mode)
{
	struct inode *spare;
	int err;

	err = vexfs_begin_create(dentry, &spare);
	if (err)
		return err;
	err = vfs_mkdir(&nop_mnt_idmap, vexfs_lower_dir(dentry),
			vexfs_lower_dentry(dentry), mode);
	return vexfs_end_create(dir, dentry, spare, err);
}

static int vexfs_mknod(struct mnt_idmap *idmap, struct inode *dir,
		       struct dentry *dentry, umode_t mode, dev_t dev)
{
	struct inode *spare;
	int err;

	err = vexfs_begin_create(dentry, &spare);
	if (err)
		return err;
	err = vfs_mknod(&nop_mnt_idmap, vexfs_lower_dir(dentry),
			vexfs_lower_dentry(dentry), mode, dev);
	return vexfs_end_create(dir, dentry, spare, err);
}

static int vexfs_symlink(struct mnt_idmap *idmap, struct inode *dir,
			 struct dentry *dentry, const char *target)
{
	struct inode *spare;
	int err;

	err = vexfs_begin_create(dentry, &spare);
	if (err)
		return err;
	err = vfs_symlink(&nop_mnt_idmap, vexfs_lower_dir(dentry),
			  vexfs_lower_dentry(dentry), target);
	return vexfs_end_create(dir, dentry, spare, err);
}

static int vexfs_link(struct dentry *old_dentry, struct inode *dir,
		      struct dentry *dentry)
{
	struct dentry *lower_old = vexfs_lower_dentry(old_dentry);
	struct dentry *lower = vexfs_lower_dentry(dentry);
	struct inode *inode = d_inode(old_dentry);
	int err;

	err = vexfs_lock_name(dentry);
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
	vexfs_unlock_name(dir, dentry);
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
	int err;

	err = vexfs_lock_name(dentry);
	if (err)
		return err;
	/* A dentry that is held twice is not made negative. */
	dget(lower);
	err = vfs_unlink(&nop_mnt_idmap, vexfs_lower_dir(dentry), lower, NULL);
	if (!err)
		vexfs_removed(dentry);
	dput(lower);
	vexfs_unlock_name(dir, dentry);
	return err;
}

static int vexfs_rmdir(struct inode *dir, struct dentry *dentry)
{
	struct dentry *lower = vexfs_lower_dentry(dentry);
	int err;

	err = vexfs_lock_name(dentry);
	if (err)
		return err;
	/* A dentry that is held twice is not made negative. */
	dget(lower);
	err = vfs_rmdir(&nop_mnt_idmap, vexfs_lower_dir(dentry), lower);
	if (!err)
		vexfs_removed(dentry);
	dput(lower);
	vexfs_unlock_name(dir, dentry);
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
		.old_mnt_idmap	= &nop_mnt_idmap,
		.old_dir	= d_inode(old_dir),
		.old_dentry	= vexfs_lower_dentry(old_dentry),
		.new_mnt_idmap	= &nop_mnt_idmap,
		.new_dir	= d_inode(new_dir),
		.new_dentry	= vexfs_lower_dentry(new_dentry),
		.flags		= flags,
	};
	struct dentry *trap;
	int err = -ESTALE;

	trap = lock_rename(old_dir, new_dir);
	if (IS_ERR(trap))
		return PTR_ERR(trap);
	if (trap != rd.old_dentry && trap != rd.new_dentry &&
	    vexfs_is_current(old_dentry) && vexfs_is_current(new_dentry))
		err = vfs_rename(&rd);
	/* All moved or none, for whoever looks under these locks (dentry.c). */
	if (!err) {
		d_move(old_dentry, new_dentry);
		if (vacated)
			d_move(new_dentry, vacated);
	}
	unlock_rename(old_dir, new_dir);
	return err;
}

static int vexfs_rename(struct mnt_idmap *idmap, struct inode *old_dir,
			struct dentry *old_dentry, struct inode *new_dir,
			struct dentry *new_dentry, unsigned int flags)
{
	struct dentry *vacated = NULL;
	int err;

	/* Modules have no d_exchange(): so another dentry has the old name. */
	if (flags & RENAME_EXCHANGE) {
		vacated = d_alloc(old_dentry->d_parent, &old_dentry->d_name);
		if (!vacated)
			return -ENOMEM;
	}
	err = vexfs_want_write(old_dir->i_sb);
	if (!err) {
		err = vexfs_lower_rename(old_dentry, new_dentry, vacated, flags);
		vexfs_drop_write(old_dir->i_sb);
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
	.mkdir		= vexfs_mkdir,
	.rmdir		= vexfs_rmdir,
	.mknod		= vexfs_mknod,
	.rename		= vexfs_rename,
	.tmpfile	= vexfs_tmpfile,
	.permission	= vexfs_permission,
	.setattr	= vexfs_setattr,
	.getattr	= vexfs_getattr,
	.listxattr	= vexfs_listxattr,
	.get_acl	= vexfs_get_acl,
	.set_acl	= vexfs_set_acl,
	.fileattr_get	= vexfs_fileattr_get,
	.fileattr_set	= vexfs_fileattr_set,
};

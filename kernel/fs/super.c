// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mounting a store, and the superblock.
 */
#include <linux/cred.h>
#include <linux/errseq.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include <linux/xattr.h>

#include "fs/internal.h"
#include "fs/options.h"

#define VEXFS_SUPER_MAGIC	0x56455846	/* "VEXF" */

static struct kmem_cache *vexfs_inode_cache;

static struct inode *vexfs_alloc_inode(struct super_block *sb)
{
	struct vexfs_inode *vi;

	vi = alloc_inode_sb(sb, vexfs_inode_cache, GFP_KERNEL);
	if (!vi)
		return NULL;

	vexfs_vectors_init(&vi->vectors);
	vexfs_sidecars_init(&vi->sidecars);
	vi->lower = NULL;
	return &vi->vfs_inode;
}

static void vexfs_free_inode(struct inode *inode)
{
	kmem_cache_free(vexfs_inode_cache, vexfs_i(inode));
}

static void vexfs_evict_inode(struct inode *inode)
{
	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	vexfs_vectors_destroy(&vexfs_i(inode)->vectors, inode->i_sb);
	vexfs_sidecars_destroy(&vexfs_i(inode)->sidecars, inode->i_sb);
	/* A walk under RCU may still ask it for permissions: keep the pointer. */
	iput(vexfs_lower_inode(inode));
}

static int vexfs_statfs(struct dentry *dentry, struct kstatfs *buf)
{
	const struct cred *caller = vexfs_act_as_mounter(dentry->d_sb);
	struct path lower = vexfs_lower_path(dentry);
	int err;

	err = vfs_statfs(&lower, buf);
	revert_creds(caller);
	/* Who knows the lower type would try its ioctls, which we lack. */
	if (!err)
		buf->f_type = VEXFS_SUPER_MAGIC;
	return err;
}

/* What went wrong in writing back, which syncfs(2) asks of ours, once for each file. */
static void vexfs_copy_wb_err(struct super_block *sb, struct super_block *lower_sb)
{
	struct vexfs_sb *sbi = vexfs_sb(sb);
	int err;

	spin_lock(&sbi->wb_err_lock);
	err = errseq_check_and_advance(&lower_sb->s_wb_err, &sbi->wb_err);
	if (err)
		errseq_set(&sb->s_wb_err, err);
	spin_unlock(&sbi->wb_err_lock);
}

static int vexfs_sync_fs(struct super_block *sb, int wait)
{
	struct super_block *lower_sb = vexfs_lower_mnt(sb)->mnt_sb;
	int err;

	if (!wait)
		return 0;

	guard(rwsem_read)(&lower_sb->s_umount);
	err = sync_filesystem(lower_sb);
	vexfs_copy_wb_err(sb, lower_sb);
	return err;
}

static const struct super_operations vexfs_super_ops = {
	.alloc_inode	= vexfs_alloc_inode,
	.free_inode	= vexfs_free_inode,
	.drop_inode	= inode_just_drop,
	.evict_inode	= vexfs_evict_inode,
	.statfs		= vexfs_statfs,
	.sync_fs	= vexfs_sync_fs,
	.show_options	= vexfs_options_show,
};

/* What we cannot present unchanged we do not mount. */
static int vexfs_check_store(struct fs_context *fc, const struct path *store)
{
	const struct super_block *lower_sb = store->mnt->mnt_sb;

	if (lower_sb->s_type == fc->fs_type)
		return invalfc(fc, "%s is on vexfs already: mount what is beneath it",
			       fc->source);
	if (lower_sb->s_stack_depth >= FILESYSTEM_MAX_STACK_DEPTH)
		return invalfc(fc, "%s is on a stack of %d filesystems: no more are allowed",
			       fc->source, lower_sb->s_stack_depth + 1);
	if (is_idmapped_mnt(store->mnt))
		return invalfc(fc, "%s is on an idmapped mount: use a plain one",
			       fc->source);
	if (sb_has_encoding(lower_sb) ||
	    store->dentry->d_flags & (DCACHE_OP_HASH | DCACHE_OP_COMPARE))
		return invalfc(fc, "%s is on a filesystem that ignores case in names",
			       fc->source);
	if (vexfs_is_weird(store->dentry)) {
		errorfc(fc, "%s is a place where something is mounted on demand",
			fc->source);
		return -EREMOTE;
	}
	return 0;
}

static void vexfs_inherit_limits(struct super_block *sb,
				 const struct super_block *lower_sb)
{
	sb->s_maxbytes = lower_sb->s_maxbytes;
	sb->s_blocksize = lower_sb->s_blocksize;
	sb->s_blocksize_bits = lower_sb->s_blocksize_bits;
	sb->s_time_gran = lower_sb->s_time_gran;
	sb->s_time_min = lower_sb->s_time_min;
	sb->s_time_max = lower_sb->s_time_max;
	sb->s_stack_depth = lower_sb->s_stack_depth + 1;
	sb->s_flags |= lower_sb->s_flags & SB_POSIXACL;
	sb->s_iflags |= lower_sb->s_iflags & SB_I_NOUMASK;
}

/*
 * What must not be run or opened in the store shall not be so through us.  The VFS
 * knows nosuid only as a flag of our mount, which is not ours to set: so we hide
 * what it would act on.
 */
static void vexfs_inherit_distrust(struct super_block *sb, const struct vfsmount *lower_mnt)
{
	const struct super_block *lower_sb = lower_mnt->mnt_sb;

	sb->s_iflags |= lower_sb->s_iflags & (SB_I_NODEV | SB_I_NOEXEC);
	if (lower_mnt->mnt_flags & MNT_NODEV)
		sb->s_iflags |= SB_I_NODEV;
	if (lower_mnt->mnt_flags & MNT_NOEXEC)
		sb->s_iflags |= SB_I_NOEXEC;
	vexfs_sb(sb)->nosuid = lower_mnt->mnt_flags & MNT_NOSUID ||
			       lower_sb->s_user_ns != sb->s_user_ns;
}

static int vexfs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	const struct path *store = ((struct vexfs_options *)fc->fs_private)->store;
	struct vexfs_sb *sbi;
	struct vfsmount *mnt;
	struct inode *root;
	int err;

	sbi = kzalloc(sizeof(*sbi), GFP_KERNEL);
	if (!sbi)
		return -ENOMEM;
	sbi->cred = get_current_cred();
	spin_lock_init(&sbi->wb_err_lock);
	xa_init(&sbi->watched);
	sbi->iget = vexfs_iget;
	sbi->changes = vexfs_inode_changes;
	sb->s_fs_info = sbi;
	err = vexfs_budget_init(&sbi->budget, sb->s_id);
	if (err)
		return err;
	vexfs_options_apply(fc, sb);

	/*
	 * The clone keeps the store's filesystem busy, whatever becomes of
	 * the mount that we found it through.
	 */
	mnt = clone_private_mount(store);
	if (IS_ERR(mnt)) {
		errorfc(fc, "%s is on a mount that cannot be cloned (%pe)",
			fc->source, mnt);
		return PTR_ERR(mnt);
	}
	sbi->lower_mnt = mnt;
	sbi->wb_err = errseq_sample(&mnt->mnt_sb->s_wb_err);

	vexfs_inherit_limits(sb, mnt->mnt_sb);
	vexfs_inherit_distrust(sb, mnt);
	if (__mnt_is_readonly(mnt))
		sb->s_flags |= SB_RDONLY;
	sb->s_magic = VEXFS_SUPER_MAGIC;
	sb->s_op = &vexfs_super_ops;
	set_default_d_op(sb, &vexfs_dentry_ops);
	sb->s_xattr = vexfs_xattr_handlers;

	root = vexfs_iget(sb, d_inode(store->dentry));
	if (IS_ERR(root))
		return PTR_ERR(root);
	sb->s_root = d_make_root(root);
	if (!sb->s_root)
		return -ENOMEM;
	sb->s_root->d_fsdata = dget(store->dentry);
	return 0;
}

static int vexfs_get_tree(struct fs_context *fc)
{
	struct vexfs_options *options = fc->fs_private;
	struct path store __free(path_put) = {};
	int err;

	if (!fc->source)
		return invalfc(fc, "name the directory to present (source=)");

	err = kern_path(fc->source, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &store);
	if (err) {
		errorfc(fc, "%s is not a directory that can be reached (%pe)",
			fc->source, ERR_PTR(err));
		return err;
	}
	err = vexfs_check_store(fc, &store);
	if (err)
		return err;

	options->store = &store;
	err = get_tree_nodev(fc, vexfs_fill_super);
	options->store = NULL;
	return err;
}

static int vexfs_reconfigure(struct fs_context *fc)
{
	struct super_block *sb = fc->root->d_sb;

	if (!(fc->sb_flags & SB_RDONLY) && sb_rdonly(sb) &&
	    __mnt_is_readonly(vexfs_lower_mnt(sb))) {
		errorfc(fc, "the store is read-only: make it writable and mount it afresh");
		return -EROFS;
	}
	vexfs_options_apply(fc, sb);
	return 0;
}

static const struct fs_context_operations vexfs_context_ops = {
	.free		= vexfs_options_free,
	.parse_param	= vexfs_options_parse,
	.get_tree	= vexfs_get_tree,
	.reconfigure	= vexfs_reconfigure,
};

int vexfs_init_fs_context(struct fs_context *fc)
{
	fc->ops = &vexfs_context_ops;
	return vexfs_options_init(fc);
}

/* A walk under RCU may still ask for permissions: free what that needs after it. */
static void vexfs_free_sb(struct rcu_head *rcu)
{
	struct vexfs_sb *sbi = container_of(rcu, struct vexfs_sb, rcu);

	put_cred(sbi->cred);
	kfree(sbi);
}

void vexfs_kill_sb(struct super_block *sb)
{
	struct vexfs_sb *sbi = sb->s_fs_info;

	kill_anon_super(sb);
	if (!sbi)
		return;
	if (sbi->lower_mnt)
		kern_unmount(sbi->lower_mnt);
	vexfs_budget_destroy(&sbi->budget);
	xa_destroy(&sbi->watched);
	call_rcu(&sbi->rcu, vexfs_free_sb);
}

static void vexfs_inode_init_once(void *object)
{
	struct vexfs_inode *vi = object;

	inode_init_once(&vi->vfs_inode);
}

int vexfs_inode_cache_create(void)
{
	vexfs_inode_cache = kmem_cache_create("vexfs_inode",
					      sizeof(struct vexfs_inode), 0,
					      SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT,
					      vexfs_inode_init_once);
	return vexfs_inode_cache ? 0 : -ENOMEM;
}

void vexfs_inode_cache_destroy(void)
{
	/* Inodes and superblocks are freed after a grace period. */
	rcu_barrier();
	kmem_cache_destroy(vexfs_inode_cache);
}

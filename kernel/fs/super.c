// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mounting a store, and the superblock.
 */
#include <linux/cred.h>
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
	struct path lower = vexfs_lower_path(dentry);
	int err;

	err = vfs_statfs(&lower, buf);
	/* Who knows the lower type would try its ioctls, which we lack. */
	if (!err)
		buf->f_type = VEXFS_SUPER_MAGIC;
	return err;
}

static int vexfs_sync_fs(struct super_block *sb, int wait)
{
	struct super_block *lower_sb = vexfs_lower_mnt(sb)->mnt_sb;

	if (!wait)
		return 0;

	guard(rwsem_read)(&lower_sb->s_umount);
	return sync_filesystem(lower_sb);
}

static const struct super_operations vexfs_super_ops = {
	.alloc_inode	= vexfs_alloc_inode,
	.free_inode	= vexfs_free_inode,
	.drop_inode	= generic_delete_inode,
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
	/* Reading a lower file updates its access time: ours only mirrors it. */
	sb->s_flags |= SB_NOATIME;
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

	vexfs_inherit_limits(sb, mnt->mnt_sb);
	if (__mnt_is_readonly(mnt))
		sb->s_flags |= SB_RDONLY;
	sb->s_magic = VEXFS_SUPER_MAGIC;
	sb->s_op = &vexfs_super_ops;
	sb->s_d_op = &vexfs_dentry_ops;
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

void vexfs_kill_sb(struct super_block *sb)
{
	struct vexfs_sb *sbi = sb->s_fs_info;

	kill_anon_super(sb);
	if (!sbi)
		return;
	if (sbi->lower_mnt)
		kern_unmount(sbi->lower_mnt);
	vexfs_budget_destroy(&sbi->budget);
	put_cred(sbi->cred);
	xa_destroy(&sbi->watched);
	kfree(sbi);
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
	/* Inodes are freed after a grace period. */
	rcu_barrier();
	kmem_cache_destroy(vexfs_inode_cache);
}

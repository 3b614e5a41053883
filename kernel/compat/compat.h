/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module is written for the newest kernel that it supports.  Here older ones learn what
 * has changed since, newest change first: each section goes when the last kernel goes that
 * needs it.  docs/kernel.md lists the kernels.
 *
 * Where a kernel calls us, COMPAT_X(f) stands beneath an f of the newest type, and compat_x(f)
 * is what this kernel calls: f or, if it is older, a function that calls f.
 */
#ifndef VEXFS_COMPAT_H
#define VEXFS_COMPAT_H

#include <linux/backing-file.h>
#include <linux/crc32.h>
#include <linux/dcache.h>
#include <linux/fileattr.h>
#include <linux/fs.h>
#include <linux/list_lru.h>
#include <linux/namei.h>
#include <linux/version.h>

/*
 * 7.1: backing files are opened for the user's file, not for its path.  Stable series took
 * this over, each at a sublevel of its own (6.12.95), so that the prototype decides.
 */
static inline struct file *compat_backing_file_open(const struct file *file, int flags,
						    const struct path *path,
						    const struct cred *cred)
{
	const void *user = file;

	if (__same_type(&backing_file_open,
			struct file *(*)(const struct path *, int, const struct path *,
					 const struct cred *)))
		user = &file->f_path;
	return backing_file_open(user, flags, path, cred);
}

static inline struct file *compat_backing_tmpfile_open(const struct file *file, int flags,
						       const struct path *dir, umode_t mode,
						       const struct cred *cred)
{
	const void *user = file;

	if (__same_type(&backing_tmpfile_open,
			struct file *(*)(const struct path *, int, const struct path *,
					 umode_t, const struct cred *)))
		user = &file->f_path;
	return backing_tmpfile_open(user, flags, dir, mode, cred);
}

#define backing_file_open	compat_backing_file_open
#define backing_tmpfile_open	compat_backing_tmpfile_open

/* 7.0: ->update_time() is told of one kind of time, and whether it may wait. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)
enum fs_update_time { FS_UPD_ATIME, FS_UPD_CMTIME };

#define COMPAT_UPDATE_TIME(f)							\
	static int compat_update_time(f)(struct inode *inode, int flags)	\
	{									\
		return f(inode, flags & S_ATIME ? FS_UPD_ATIME : FS_UPD_CMTIME, 0); \
	}
#define compat_update_time(f)	f##_compat
#else
#define COMPAT_UPDATE_TIME(f)
#define compat_update_time(f)	f
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
/* 6.19: what changes a directory breaks delegations of it, and is not told `excl'. */
#define vfs_create(idmap, dentry, mode, delegated)				\
	vfs_create(idmap, d_inode((dentry)->d_parent), dentry, mode, true)
#define vfs_mknod(idmap, dir, dentry, mode, dev, delegated)			\
	vfs_mknod(idmap, dir, dentry, mode, dev)
#define vfs_symlink(idmap, dir, dentry, target, delegated)			\
	vfs_symlink(idmap, dir, dentry, target)
#define vfs_rmdir(idmap, dir, dentry, delegated)				\
	vfs_rmdir(idmap, dir, dentry)

/*
 * 6.19: vfs_mkdir() that fails also drops the lock of the directory.
 * 6.15: it returns the dentry, perhaps another one, and puts the one that it was given if
 * that is not it, or if it fails.
 */
static inline struct dentry *compat_vfs_mkdir(struct mnt_idmap *idmap, struct inode *dir,
					      struct dentry *dentry, umode_t mode)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
	int err = vfs_mkdir(idmap, dir, dentry, mode);

	if (!err)
		return dentry;
	dput(dentry);
	dentry = ERR_PTR(err);
#else
	dentry = vfs_mkdir(idmap, dir, dentry, mode);
#endif
	if (IS_ERR(dentry))
		inode_unlock(dir);
	return dentry;
}

#define vfs_mkdir(idmap, dir, dentry, mode, delegated)				\
	compat_vfs_mkdir(idmap, dir, dentry, mode)

/*
 * 6.19: renames start and end by functions that lock and look.  Here they take no
 * references: the caller has them.
 * 6.18: there is one idmap, and the directories are dentries.
 */
struct compat_renamedata {
	struct mnt_idmap *mnt_idmap;
	struct dentry *old_parent;
	struct dentry *old_dentry;
	struct dentry *new_parent;
	struct dentry *new_dentry;
	unsigned int flags;
};

static inline void end_renaming(struct compat_renamedata *rd)
{
	unlock_rename(rd->old_parent, rd->new_parent);
}

static inline int start_renaming_two_dentries(struct compat_renamedata *rd,
					      struct dentry *old_dentry,
					      struct dentry *new_dentry)
{
	struct dentry *trap;

	trap = lock_rename(rd->old_parent, rd->new_parent);
	if (IS_ERR(trap))
		return PTR_ERR(trap);
	rd->old_dentry = old_dentry;
	rd->new_dentry = new_dentry;
	if (trap != old_dentry && trap != new_dentry &&
	    !d_unhashed(old_dentry) && old_dentry->d_parent == rd->old_parent &&
	    !d_unhashed(new_dentry) && new_dentry->d_parent == rd->new_parent)
		return 0;
	end_renaming(rd);
	return -EINVAL;
}

static inline int compat_vfs_rename(struct compat_renamedata *rd)
{
	struct renamedata now = {
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
		.old_mnt_idmap	= rd->mnt_idmap,
		.old_dir	= d_inode(rd->old_parent),
		.new_mnt_idmap	= rd->mnt_idmap,
		.new_dir	= d_inode(rd->new_parent),
#else
		.mnt_idmap	= rd->mnt_idmap,
		.old_parent	= rd->old_parent,
		.new_parent	= rd->new_parent,
#endif
		.old_dentry	= rd->old_dentry,
		.new_dentry	= rd->new_dentry,
		.flags		= rd->flags,
	};

	return vfs_rename(&now);
}

#define renamedata	compat_renamedata
#define vfs_rename	compat_vfs_rename

/* 6.19: the state of an inode is read by functions. */
static inline unsigned long inode_state_read_once(struct inode *inode)
{
	return READ_ONCE(inode->i_state);
}
#endif /* 6.19 */

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
/* 6.18: this is its name. */
#define inode_just_drop		generic_delete_inode
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
/* 6.17: this is its name. */
#define file_kattr		fileattr

/* 6.17: dentries are given their operations by a function. */
static inline void set_default_d_op(struct super_block *sb, const struct dentry_operations *ops)
{
	sb->s_d_op = ops;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
/* 6.16: a name is a qstr. */
#define lookup_one_unlocked(idmap, qstr, base)					\
	lookup_one_unlocked(idmap, (qstr)->name, base, (qstr)->len)
#endif

/* 6.15: ->mkdir() returns a dentry. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
#define COMPAT_MKDIR(f)								\
	static int compat_mkdir(f)(struct mnt_idmap *idmap, struct inode *dir,	\
				   struct dentry *dentry, umode_t mode)		\
	{									\
		return PTR_ERR_OR_ZERO(f(idmap, dir, dentry, mode));		\
	}
#define compat_mkdir(f)		f##_compat
#else
#define COMPAT_MKDIR(f)
#define compat_mkdir(f)		f
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
/*
 * 6.15: CRC-32C is not a module of its own.  This was built in, while the library of an
 * older crc32c() is a module in many kernels.
 */
#define crc32c(crc, bytes, count)	__crc32c_le(crc, bytes, count)
#endif

/*
 * 6.14: ->d_revalidate() is told the directory and the name, of which an f here needs
 * neither.  call_d_revalidate() calls another filesystem's.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
#define COMPAT_D_REVALIDATE(f)							\
	static int compat_d_revalidate(f)(struct dentry *dentry, unsigned int flags) \
	{									\
		return f(NULL, NULL, dentry, flags);				\
	}
#define compat_d_revalidate(f)	f##_compat
#define call_d_revalidate(dir, name, dentry, flags)				\
	((dentry)->d_op->d_revalidate(dentry, flags))
#else
#define COMPAT_D_REVALIDATE(f)
#define compat_d_revalidate(f)	f
#define call_d_revalidate(dir, name, dentry, flags)				\
	((dentry)->d_op->d_revalidate(dir, name, dentry, flags))
#endif

/*
 * 6.13: who walks a list_lru is not told its lock.  COMPAT_LRU_WALK(f) stands beneath an f
 * that is not, and compat_lru_walk(f) is what an older kernel calls.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define COMPAT_LRU_WALK(f)							\
	static enum lru_status compat_lru_walk(f)(struct list_head *item,	\
						  struct list_lru_one *list,	\
						  spinlock_t *lock, void *arg)	\
	{									\
		return f(item, list, arg);					\
	}
#define compat_lru_walk(f)	f##_compat
#else
#define COMPAT_LRU_WALK(f)
#define compat_lru_walk(f)	f
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
/* 6.13: the user's file and its position are those of an iocb, or of the mapping. */
static inline ssize_t compat_backing_file_read_iter(struct file *file, struct iov_iter *iter,
						    struct kiocb *iocb, int flags,
						    struct backing_file_ctx *ctx)
{
	ctx->user_file = iocb->ki_filp;
	return backing_file_read_iter(file, iter, iocb, flags, ctx);
}

static inline ssize_t compat_backing_file_write_iter(struct file *file, struct iov_iter *iter,
						     struct kiocb *iocb, int flags,
						     struct backing_file_ctx *ctx)
{
	ctx->user_file = iocb->ki_filp;
	return backing_file_write_iter(file, iter, iocb, flags, ctx);
}

static inline ssize_t compat_backing_file_splice_read(struct file *in, struct kiocb *iocb,
						      struct pipe_inode_info *pipe, size_t len,
						      unsigned int flags,
						      struct backing_file_ctx *ctx)
{
	ctx->user_file = iocb->ki_filp;
	return backing_file_splice_read(in, &iocb->ki_pos, pipe, len, flags, ctx);
}

static inline ssize_t compat_backing_file_splice_write(struct pipe_inode_info *pipe,
						       struct file *out, struct kiocb *iocb,
						       size_t len, unsigned int flags,
						       struct backing_file_ctx *ctx)
{
	ctx->user_file = iocb->ki_filp;
	return backing_file_splice_write(pipe, out, &iocb->ki_pos, len, flags, ctx);
}

static inline int compat_backing_file_mmap(struct file *file, struct vm_area_struct *vma,
					   struct backing_file_ctx *ctx)
{
	ctx->user_file = vma->vm_file;
	return backing_file_mmap(file, vma, ctx);
}

#define backing_file_read_iter		compat_backing_file_read_iter
#define backing_file_write_iter		compat_backing_file_write_iter
#define backing_file_splice_read	compat_backing_file_splice_read
#define backing_file_splice_write	compat_backing_file_splice_write
#define backing_file_mmap		compat_backing_file_mmap
#endif /* 6.13 */

#endif /* VEXFS_COMPAT_H */

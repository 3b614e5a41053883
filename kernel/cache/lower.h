/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lies beneath: "lower" names an object of the filesystem that holds the store.  Each
 * of our dentries and open files has one, and so has each inode (fs/internal.h).
 */
#ifndef VEXFS_LOWER_H
#define VEXFS_LOWER_H

#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/errseq.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/path.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "cache/budget.h"
#include "cache/sent.h"
#include "cache/sent_filter.h"

struct vexfs_sb {
	struct vfsmount *lower_mnt;	/* a private clone of the store's */
	const struct cred *cred;	/* of the one who mounted (fs/cred.c) */
	bool nosuid;			/* the store's programs gain nothing */
	struct xarray watched;		/* numbers by inode number (watch.c) */
	struct vexfs_budget budget;	/* of all copies */
	spinlock_t wb_err_lock;
	errseq_t wb_err;		/* up to where it was copied from below */
	/* vexfs_iget(), for the files beneath it: our inode of a lower one. */
	struct inode *(*iget)(struct super_block *sb, struct inode *lower);
	/* Its count of changes (vectors.h), likewise. */
	atomic64_t *(*changes)(struct inode *inode);
	struct rcu_head rcu;
};

static inline struct vexfs_sb *vexfs_sb(const struct super_block *sb)
{
	return sb->s_fs_info;
}

static inline struct vfsmount *vexfs_lower_mnt(const struct super_block *sb)
{
	return vexfs_sb(sb)->lower_mnt;
}

static inline struct dentry *vexfs_lower_dentry(const struct dentry *dentry)
{
	return dentry->d_fsdata;
}

/* The result is valid as long as @dentry is: no reference is taken. */
static inline struct path vexfs_lower_path(const struct dentry *dentry)
{
	return (struct path) {
		.mnt = vexfs_lower_mnt(dentry->d_sb),
		.dentry = vexfs_lower_dentry(dentry),
	};
}

/* An open file of ours. */
struct vexfs_file {
	struct file *lower;
	struct vexfs_sent sent;
	struct vexfs_sent_filter filter;
};

static inline struct vexfs_file *vexfs_f(const struct file *file)
{
	return file->private_data;
}

static inline struct file *vexfs_lower_file(const struct file *file)
{
	return vexfs_f(file)->lower;
}

/*
 * To look something up or to read it, beneath, for a caller who has been asked
 * already.  Returns the caller's credentials, for revert_creds().
 */
static inline const struct cred *vexfs_act_as_mounter(const struct super_block *sb)
{
	return override_creds(vexfs_sb(sb)->cred);
}

/* Every change to the lower filesystem happens between these two. */
static inline int vexfs_want_write(const struct super_block *sb)
{
	return mnt_want_write(vexfs_lower_mnt(sb));
}

static inline void vexfs_drop_write(const struct super_block *sb)
{
	mnt_drop_write(vexfs_lower_mnt(sb));
}

#endif /* VEXFS_LOWER_H */

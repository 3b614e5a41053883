/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the filesystem share.  An inode is made with the operations of all of
 * them, and most of them look up inodes: so they have one header together.
 */
#ifndef VEXFS_INTERNAL_H
#define VEXFS_INTERNAL_H

#include <linux/fs.h>

#include "cache/attempt.h"
#include "cache/lower.h"
#include "cache/record.h"
#include "cache/sidecar.h"
#include "cache/vectors.h"
#include "cache/watch.h"
#include "compat/compat.h"

struct vexfs_inode {
	struct vexfs_vectors vectors;
	struct vexfs_sidecars sidecars;
	struct inode *lower;
	struct inode vfs_inode;
};

static inline struct vexfs_inode *vexfs_i(const struct inode *inode)
{
	return container_of(inode, struct vexfs_inode, vfs_inode);
}

static inline struct inode *vexfs_lower_inode(const struct inode *inode)
{
	return vexfs_i(inode)->lower;
}

static inline atomic64_t *vexfs_inode_changes(struct inode *inode)
{
	return &vexfs_i(inode)->vectors.changes;
}

/*
 * Around each change of a file's content through the mount, with the inode locked, and
 * before the system call returns.  @touched is the most that was changed of what the file
 * had (cache/record.h).
 */
static inline void vexfs_content_changing(struct inode *inode, const struct path *lower)
{
	vexfs_vectors_changing(&vexfs_i(inode)->vectors, inode->i_sb, lower);
}

static inline void vexfs_content_changed(struct inode *inode, const struct path *lower,
					 struct vexfs_range touched)
{
	vexfs_vectors_changed(&vexfs_i(inode)->vectors, inode->i_sb, lower, touched);
	vexfs_watched_changed(inode);
}

/* When a writable shared mapping of it is made. */
static inline void vexfs_content_mapped(struct inode *inode)
{
	vexfs_change_at_once(vexfs_inode_changes(inode));
	vexfs_watched_changed(inode);
}

/*
 * cred.c: to change something beneath, for a caller who has been asked already.
 * The first three begin it, or return an error; vexfs_act_end() ends it.
 */
struct vexfs_acting {
	const struct cred *caller, *cred;
};

int vexfs_act_for_caller(struct vexfs_acting *acting, const struct inode *inode);
int vexfs_act_as_creator(struct vexfs_acting *acting, struct dentry *dentry,
			 umode_t mode);
int vexfs_act_as_writer(struct vexfs_acting *acting, const struct file *file);
void vexfs_act_end(const struct vexfs_acting *acting);
/* The same credentials alone, with a reference, or an error. */
const struct cred *vexfs_cred_for_caller(const struct inode *inode);
const struct cred *vexfs_cred_for_writer(const struct file *file);

/* super.c */
int vexfs_init_fs_context(struct fs_context *fc);
void vexfs_kill_sb(struct super_block *sb);
int vexfs_inode_cache_create(void);
void vexfs_inode_cache_destroy(void);

/* inode.c */
struct inode *vexfs_iget(struct super_block *sb, struct inode *lower);
struct inode *vexfs_iget_into(struct inode *spare, struct inode *lower);
void vexfs_copy_attr(struct inode *inode);
bool vexfs_copy_is_old(const struct inode *inode);
void vexfs_accessed(struct file *file);
int vexfs_update_time(struct inode *inode, enum fs_update_time type,
		      unsigned int flags);
int vexfs_permission(struct mnt_idmap *idmap, struct inode *inode, int mask);
int vexfs_setattr(struct mnt_idmap *idmap, struct dentry *dentry,
		  struct iattr *attr);
int vexfs_getattr(struct mnt_idmap *idmap, const struct path *path,
		  struct kstat *stat, u32 request_mask, unsigned int flags);
int vexfs_fileattr_get(struct dentry *dentry, struct file_kattr *fa);
int vexfs_fileattr_set(struct mnt_idmap *idmap, struct dentry *dentry,
		       struct file_kattr *fa);

/* dentry.c */
extern const struct dentry_operations vexfs_dentry_ops;
bool vexfs_is_weird(const struct dentry *lower);
bool vexfs_is_current(const struct dentry *dentry);

/* dir.c */
extern const struct inode_operations vexfs_dir_inode_ops;

/* file.c */
extern const struct file_operations vexfs_file_ops;
extern const struct file_operations vexfs_dir_ops;
int vexfs_tmpfile(struct mnt_idmap *idmap, struct inode *dir,
		  struct file *file, umode_t mode);

/* ioctl.c: the ioctls of regular files; -ENOTTY for what is not ours. */
long vexfs_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* xattr.c */
extern const struct xattr_handler * const vexfs_xattr_handlers[];
ssize_t vexfs_listxattr(struct dentry *dentry, char *list, size_t size);
struct posix_acl *vexfs_get_inode_acl(struct inode *inode, int type, bool rcu);
struct posix_acl *vexfs_get_acl(struct mnt_idmap *idmap, struct dentry *dentry,
				int type);
int vexfs_set_acl(struct mnt_idmap *idmap, struct dentry *dentry,
		  struct posix_acl *acl, int type);

#endif /* VEXFS_INTERNAL_H */

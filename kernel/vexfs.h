/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VexFS: a stackable filesystem in which vector files can be searched.
 *
 * What the parts of the module share.  "Lower" names an object of the
 * filesystem beneath: each of our inodes, dentries and open files has one.
 */
#ifndef VEXFS_H
#define VEXFS_H

#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/path.h>
#include <linux/xarray.h>

#include "sidecar.h"
#include "vectors.h"
#include "watch.h"

#define VEXFS_SUPER_MAGIC	0x56455846	/* "VEXF" */

struct vexfs_sb {
	struct vfsmount *lower_mnt;	/* a private clone of the store's */
	const struct cred *cred;	/* of the one who mounted */
	struct xarray watched;		/* changes by inode number (watch.c) */
};

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

static inline struct file *vexfs_lower_file(const struct file *file)
{
	return file->private_data;
}

/*
 * After each change of a file's content through the mount, before the system call
 * returns, and when a writable shared mapping of it is made.
 */
static inline void vexfs_content_changed(struct inode *inode)
{
	vexfs_vectors_changed(&vexfs_i(inode)->vectors);
	vexfs_watched_changed(inode);
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

/* super.c */
int vexfs_init_fs_context(struct fs_context *fc);
void vexfs_kill_sb(struct super_block *sb);
int vexfs_inode_cache_create(void);
void vexfs_inode_cache_destroy(void);

/* inode.c */
struct inode *vexfs_iget(struct super_block *sb, struct inode *lower);
void vexfs_copy_attr(struct inode *inode);
int vexfs_permission(struct mnt_idmap *idmap, struct inode *inode, int mask);
int vexfs_setattr(struct mnt_idmap *idmap, struct dentry *dentry,
		  struct iattr *attr);
int vexfs_getattr(struct mnt_idmap *idmap, const struct path *path,
		  struct kstat *stat, u32 request_mask, unsigned int flags);
int vexfs_fileattr_get(struct dentry *dentry, struct fileattr *fa);
int vexfs_fileattr_set(struct mnt_idmap *idmap, struct dentry *dentry,
		       struct fileattr *fa);

/* dentry.c */
extern const struct dentry_operations vexfs_dentry_ops;
bool vexfs_lower_is_current(struct dentry *dentry, struct dentry *lower_dir);

/* dir.c */
extern const struct inode_operations vexfs_dir_inode_ops;

/* file.c */
extern const struct file_operations vexfs_file_ops;
extern const struct file_operations vexfs_dir_ops;
int vexfs_tmpfile(struct mnt_idmap *idmap, struct inode *dir,
		  struct file *file, umode_t mode);

/* xattr.c */
extern const struct xattr_handler * const vexfs_xattr_handlers[];
ssize_t vexfs_listxattr(struct dentry *dentry, char *list, size_t size);
struct posix_acl *vexfs_get_acl(struct mnt_idmap *idmap, struct dentry *dentry,
				int type);
int vexfs_set_acl(struct mnt_idmap *idmap, struct dentry *dentry,
		  struct posix_acl *acl, int type);

#endif /* VEXFS_H */

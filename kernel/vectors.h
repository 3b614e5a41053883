/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vectors of a file, as searches see them.
 *
 * Whoever changes a file through the mount holds inode_lock() of its VexFS
 * inode and calls vexfs_vectors_changed() before user space hears of it.
 */
#ifndef VEXFS_VECTORS_H
#define VEXFS_VECTORS_H

#include <linux/atomic.h>
#include <linux/fs.h>

struct vexfs_vectors {
	atomic64_t changes;
};

/* An inode is allocated; it may be freed again without being evicted. */
void vexfs_vectors_init(struct vexfs_vectors *v);
/* The inode is evicted. */
void vexfs_vectors_destroy(struct vexfs_vectors *v);
/* The file's bytes or size have changed. */
void vexfs_vectors_changed(struct vexfs_vectors *v);

long vexfs_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

#endif /* VEXFS_VECTORS_H */

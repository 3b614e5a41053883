// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vectors of a file, as searches see them.
 */
#include <linux/errno.h>

#include "vectors.h"

void vexfs_vectors_init(struct vexfs_vectors *v)
{
	atomic64_set(&v->changes, 0);
}

void vexfs_vectors_destroy(struct vexfs_vectors *v)
{
	atomic64_set(&v->changes, 0);
}

void vexfs_vectors_changed(struct vexfs_vectors *v)
{
	atomic64_inc(&v->changes);
}

long vexfs_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return -ENOTTY;
}

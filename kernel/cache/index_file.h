/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Index files in the lower filesystem: finding and reading them.
 */
#ifndef VEXFS_INDEX_FILE_H
#define VEXFS_INDEX_FILE_H

#include <linux/fs.h>

#include "search/index.h"
#include "uapi/vexfs.h"

#define VEXFS_INDEX_KINDS	VEXFS_KIND_LSH

/*
 * The lower dentry of the index file of @kind beside an open vector file, with a
 * reference; -ENODATA if no regular file has that name, -EIO or -ENOMEM.
 */
struct dentry *vexfs_index_file_find(struct file *file, u32 kind);

/* Reads the header alone.  Returns 0, -EUCLEAN, -EIO, -ENOMEM or -EINTR. */
int vexfs_index_file_header(struct file *lower, u64 size, u32 kind,
			    struct vexfs_index_header *header);

/* Reads it all.  The size stands in a sound header.  The same errors. */
struct vexfs_index *vexfs_index_file_read(struct file *lower, u64 size, u32 kind);

#endif /* VEXFS_INDEX_FILE_H */

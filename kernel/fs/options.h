/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mount options: memory=SIZE, what the copies of a mount may take.
 */
#ifndef VEXFS_OPTIONS_H
#define VEXFS_OPTIONS_H

#include <linux/path.h>
#include <linux/types.h>

struct dentry;
struct fs_context;
struct fs_parameter;
struct seq_file;
struct super_block;

/* fs_private of a context. */
struct vexfs_options {
	u64 memory;			/* bytes; 0 where it is not said */
	const struct path *store;	/* while it is being mounted */
};

int vexfs_options_init(struct fs_context *fc);
void vexfs_options_free(struct fs_context *fc);
int vexfs_options_parse(struct fs_context *fc, struct fs_parameter *param);
void vexfs_options_apply(struct fs_context *fc, struct super_block *sb);
int vexfs_options_show(struct seq_file *seq, struct dentry *root);

#endif /* VEXFS_OPTIONS_H */

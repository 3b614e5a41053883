/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Patching: the next snapshot of a file, made of the last one and of the rows that have
 * changed since.
 */
#ifndef VEXFS_PATCH_H
#define VEXFS_PATCH_H

#include <linux/fs.h>

#include "cache/attempt.h"
#include "cache/record.h"
#include "cache/snapshot.h"

/*
 * A snapshot of the file as the record's stamp has it, without stamp.  Who calls it holds
 * the mutex of the vectors.  After any error, the file is to be read in full: that it is
 * malformed is for that to say, and memory is bounded by it.
 */
struct vexfs_snapshot *vexfs_snapshot_patch(const struct vexfs_snapshot *old, struct file *file,
					    const struct vexfs_record *record,
					    const struct vexfs_attempt *attempt);

#endif /* VEXFS_PATCH_H */

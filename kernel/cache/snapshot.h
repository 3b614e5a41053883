/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A snapshot: the rows of a vector file at one moment, checked once and packed
 * for the searches.  It does not change any more, so it is searched without locks
 * by everyone who holds a reference.
 *
 * One that was read in full has all rows in one block, its base.  One that was made from
 * another by reading what had changed (patch.h) shares the base, and has blocks of one
 * piece each for what is not in it.
 */
#ifndef VEXFS_SNAPSHOT_H
#define VEXFS_SNAPSHOT_H

#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/types.h>

#include "cache/attempt.h"
#include "cache/budget.h"
#include "search/rows.h"

struct vexfs_block;

/* A snapshot that was read in full, and those that were made from it. */
struct vexfs_line {
	u64 number;		/* the generation of the first one */
	u64 load_ns;		/* what it took to read */
	ktime_t end;		/* when they are no longer believed: KTIME_MAX for the first one */
	u32 stable;		/* rows before this one are what they were at first */
};

struct vexfs_snapshot {
	struct vexfs_copy copy;
	struct vexfs_rows rows;		/* of dimension 0 if there are none */
	struct vexfs_block *base;	/* NULL if there are none */
	struct vexfs_block **own;	/* by piece, NULL for one of the base; or no table */
	u32 pieces;			/* in that table */
	struct vexfs_line line;
};

/* Rows are read through a buffer of so many bytes at most, if that is a row. */
#define VEXFS_CHUNK_BYTES	(256 * 1024)

static inline u32 vexfs_chunk_rows(const struct vexfs_rows *rows)
{
	return max(VEXFS_CHUNK_BYTES / (sizeof(__le32) * (1 + rows->dim)), 1);
}

/*
 * Reads the first @size bytes of a vector file.  Returns a snapshot without
 * stamp, -EBADMSG or -EFBIG for a file that is none, -EIO, -ENOMEM or -EINTR.
 * It gives up with -EBADMSG when the attempt is disturbed.
 */
struct vexfs_snapshot *vexfs_snapshot_read(struct vexfs_budget *budget, struct file *file,
					   loff_t size, const struct vexfs_attempt *attempt);

/* One without rows, or NULL. */
struct vexfs_snapshot *vexfs_snapshot_alloc(struct vexfs_budget *budget);

/* Packs @count rows from @first on into @out, read through @chunk, which has room for them. */
int vexfs_snapshot_read_rows(const struct vexfs_rows *rows, u32 *out, struct file *file,
			     u32 first, u32 count, __le32 *chunk);

/* May sleep.  NULL is fine. */
static inline void vexfs_snapshot_put(struct vexfs_snapshot *snapshot)
{
	vexfs_copy_put(snapshot ? &snapshot->copy : NULL);
}

#endif /* VEXFS_SNAPSHOT_H */

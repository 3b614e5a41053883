/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record of an inode: which bytes have been changed through the mount since its last
 * snapshot was made, so that the next one need not read the others.
 *
 * A change is recorded if the file was, when it began, as the record says, and nobody else
 * has it open for writing.  Then the stamp that the change leaves is taken over.  After
 * anything else the record tells nothing until the file was read in full.
 *
 * What somebody else writes beneath between these two looks of a change is not seen by
 * them.  So what is made by a record is believed for a while only (VEXFS_RECORD_NS).
 */
#ifndef VEXFS_RECORD_H
#define VEXFS_RECORD_H

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/path.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "cache/stamp.h"

struct vexfs_copy;

#define VEXFS_RECORD_RANGES	16

/* After a change, one of these and of so many times what it took to read the file. */
#define VEXFS_RECORD_NS		NSEC_PER_SEC
#define VEXFS_RECORD_LOADS	64

/* Bytes of a file, from @from up to but without @to. */
struct vexfs_range {
	loff_t from;
	loff_t to;
};

#define VEXFS_WHOLE_FILE	((struct vexfs_range){ 0, LLONG_MAX })

struct vexfs_record {
	u64 generation;			/* of the snapshot; 0: it tells nothing */
	struct vexfs_stamp stamp;	/* of the file after the last change */
	ktime_t begun;			/* before the first one */
	loff_t least;			/* the smallest size: what is behind it is new */
	u32 count;
	struct vexfs_range range[VEXFS_RECORD_RANGES];
};

struct vexfs_recorder {
	atomic_t writers;		/* lower files that we have open for writing */
	spinlock_t lock;		/* for the content of the record */
	struct vexfs_record *record;	/* NULL before the first change of rows that are kept */
	u64 change;			/* of the change under way: its count, or 0 */
};

void vexfs_recorder_init(struct vexfs_recorder *recorder);
void vexfs_recorder_destroy(struct vexfs_recorder *recorder);

/*
 * Before and, if it is open then, after a change through the mount, with the inode locked,
 * as the one who mounted.  @snapshot is what the inode keeps; @changes counts the changes
 * (attempt.h), of which this one is under way.  @touched is the most that it may have changed
 * of what was there: what is behind the end of the file, before or now, need not be in it.
 */
void vexfs_record_begin(struct vexfs_recorder *recorder, const struct vexfs_copy *snapshot,
			const struct path *lower, const atomic64_t *changes);
static inline bool vexfs_record_is_open(const struct vexfs_recorder *recorder)
{
	return recorder->change;
}

void vexfs_record_end(struct vexfs_recorder *recorder, const struct path *lower,
		      const atomic64_t *changes, struct vexfs_range touched);

/* What has changed since the snapshot was made, unless that is not known. */
bool vexfs_record_get(struct vexfs_recorder *recorder, const struct vexfs_copy *snapshot,
		      struct vexfs_record *record);

#endif /* VEXFS_RECORD_H */

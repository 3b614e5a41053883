/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Re-ranking: the exact distances of the rows that an index has chosen.
 */
#ifndef VEXFS_RERANK_H
#define VEXFS_RERANK_H

#include <linux/types.h>

#include "search/kind.h"

/*
 * Adds the exact distances of rows of a list to the answer.  VEXFS_LIST_AHEAD entries
 * after the list must be there to be read.  Returns 0 or -EINTR.
 */
int vexfs_compare(struct vexfs_job *job, const u32 *list, u32 count);

/* The same for candidates: the list keeps those that the answer may have. */
int vexfs_rerank(struct vexfs_job *job, u32 *list, u32 count);

#endif /* VEXFS_RERANK_H */

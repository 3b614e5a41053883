/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What of the covered rows a search by an index may answer with.
 */
#ifndef VEXFS_AMONG_H
#define VEXFS_AMONG_H

#include <linux/types.h>

#include "search/changes.h"
#include "search/filter.h"

/**
 * struct vexfs_among - the rows of a filter, without those that have changed
 * @filter: NULL, or the rows that may be found
 * @changes: NULL, or the rows that the index knows as they no longer are
 */
struct vexfs_among {
	const struct vexfs_filter *filter;
	const struct vexfs_changes *changes;
};

/* May all covered rows be found by the index? */
static inline bool vexfs_among_all(const struct vexfs_among *among)
{
	return !among->filter && !among->changes;
}

static inline bool vexfs_among_has(const struct vexfs_among *among, u32 row)
{
	return (!among->filter || vexfs_filter_has(among->filter, row)) &&
	       (!among->changes || !vexfs_changes_has(among->changes, row));
}

/* Counts how many of the first @covered rows may be found.  May sleep.  Returns 0 or -EINTR. */
int vexfs_among_count(const struct vexfs_among *among, u32 covered, u32 *count);

/*
 * What an index of @covered rows is asked for, where @there of them may be found: writes an
 * effort and a k in place of those that are wanted.  False: it would save nothing, and all of
 * these rows are to be compared.
 */
bool vexfs_among_ask(u32 there, u32 covered, u32 *effort, u32 *k);

#endif /* VEXFS_AMONG_H */

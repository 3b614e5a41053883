/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each kind of index brings along, and what they share: the loader (loader.c)
 * and the search (search.c) know the kinds by this alone.
 */
#ifndef VEXFS_KIND_H
#define VEXFS_KIND_H

#include <linux/types.h>

#include "search/among.h"
#include "search/index.h"
#include "search/rows.h"
#include "search/topk.h"
#include "simd/fpu_section.h"

struct vexfs_job;

/**
 * struct vexfs_kind - a kind of index
 * @name: for the kernel log
 * @sections: how many the file has
 * @exact: whether it can do without codes
 * @params: checks the parameters and writes the size of each section, of which
 *	none may exceed 2^48; returns NULL or what is wrong
 * @load: checks the content of the sections and completes the index.  Returns 0, -ENOMEM,
 *	-EINTR, or -EUCLEAN with what is wrong in @fault
 * @search: adds the answer among the covered rows to job->top.  Returns 0, -ENOMEM or
 *	-EINTR
 */
struct vexfs_kind {
	const char *name;
	u32 sections;
	bool exact;
	const char *(*params)(const struct vexfs_index_header *header, u64 *bytes);
	int (*load)(struct vexfs_index *index, const struct vexfs_index_header *header,
		    void *const *section, const char **fault);
	int (*search)(struct vexfs_job *job);
};

extern const struct vexfs_kind vexfs_kind_hnsw, vexfs_kind_ivf, vexfs_kind_pq, vexfs_kind_lsh;

/* A search at work. */
struct vexfs_job {
	struct vexfs_index *index;
	const struct vexfs_rows *rows;
	const u32 *query;
	u32 metric;
	u32 query_inverse;	/* for cosine, else 0 */
	u32 effort;
	u32 k;			/* what candidates are chosen for: top->k, or more */
	struct vexfs_among among;	/* the covered rows that may be candidates */
	struct vexfs_topk *top;
	u64 evaluated;
	struct vexfs_fpu fpu;
};

#endif /* VEXFS_KIND_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An index file in memory: checked once, as docs/index-format.md demands, and then
 * searched without looking back.
 */
#ifndef VEXFS_INDEX_H
#define VEXFS_INDEX_H

#include <linux/types.h>

#include "uapi/vexfs_index.h"

struct vexfs_kind;
struct vexfs_scratch;

/* Memory for an index, accounted to the caller, who gets -ENOMEM rather than the OOM killer. */
#define VEXFS_GFP_INDEX	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/* Levels of an HNSW graph that the format has room for. */
#define VEXFS_HNSW_LEVELS	13

struct vexfs_quantizer {
	const u32 *offset;	/* zero padded to a multiple of VEXFS_LANES */
	u32 scale;
};

struct vexfs_hnsw {
	struct vexfs_quantizer quantizer;
	const u32 *row_of;	/* a node */
	const s8 *codes;	/* by node */
	const u32 *links;	/* of level 0: @m0 a node */
	const u32 *upper[VEXFS_HNSW_LEVELS];	/* of the other levels: @m a node */
	u32 m;
	u32 m0;
	u32 levels;
};

struct vexfs_ivf {
	struct vexfs_quantizer quantizer;
	const u32 *centroids;
	const u32 *starts;	/* of the lists: their first nodes, and one more */
	const u32 *row_of;	/* a node */
	const s8 *codes;	/* by node */
	u32 lists;
	u32 rerank;
};

struct vexfs_pq {
	const u32 *codebook;	/* [m][sub][16], unlike in the file */
	const u8 *codes;
	u32 m;
	u32 sub;
};

struct vexfs_lsh {
	const u32 *projections;
	const u32 *bias;
	const u32 *starts;	/* of the buckets of each table, and one more */
	const u32 *buckets;	/* rows, for each table */
	u32 tables;
	u32 hashes;
	u32 bits;
};

/**
 * struct vexfs_index - an index file that has passed all checks
 * @kind: VEXFS_KIND_*
 * @metric: VEXFS_METRIC_*
 * @dim: elements of a vector
 * @rows: rows covered, from row 0
 * @effort: what effort 0 means
 * @exact: whether candidates are looked for by exact distances, without codes
 * @rows_crc: the fingerprint of the covered rows
 * @blocked: whether that is made of the fingerprints of blocks
 * @blocks: these; NULL if there are none
 * @ops: the code for the kind
 * @bytes: the file; everything below points into it
 * @spare: memory that the last search is done with
 *
 * Nothing but @spare changes any more; any number of searches may use an index at the
 * same time.
 */
struct vexfs_index {
	u32 kind;
	u32 metric;
	u32 dim;
	u32 rows;
	u32 effort;
	bool exact;
	u32 rows_crc;
	bool blocked;
	const __le32 *blocks;
	const struct vexfs_kind *ops;
	void *bytes;
	struct vexfs_scratch *spare;
	union {
		struct vexfs_hnsw hnsw;
		struct vexfs_ivf ivf;
		struct vexfs_pq pq;
		struct vexfs_lsh lsh;
	};
};

#endif /* VEXFS_INDEX_H */

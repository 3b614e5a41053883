/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * VexFS: the ioctls of a vector file.
 *
 * Both drivers, the kernel module and the FUSE server, answer exactly these.
 * Query and hits travel inline, so that an unprivileged FUSE server, whose
 * ioctls are restricted, can serve them: the size of a request is part of its
 * command word (14 bits).  docs/abi.md explains the fields and the errors.
 *
 * All fields are in native byte order; VexFS runs on little-endian machines.
 */
#ifndef _UAPI_LINUX_VEXFS_H
#define _UAPI_LINUX_VEXFS_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define VEXFS_IOC_MAGIC		0xF7

#define VEXFS_DIM_MAX		65536	/* elements of a vector */
#define VEXFS_DIM_INLINE	4000	/* elements of a query in a search itself */
#define VEXFS_K_MAX		2000	/* hits of a search */
#define VEXFS_ROWS_MAX		0xffffffffU
#define VEXFS_INDEX_MAX		8	/* index files of a vector file */
#define VEXFS_EFFORT_MAX	65536
#define VEXFS_FILTER_WORDS_MAX	(VEXFS_ROWS_MAX / 64 + 1)

/* struct vexfs_search.kind */
#define VEXFS_KIND_FLAT		0
#define VEXFS_KIND_HNSW		1
#define VEXFS_KIND_IVF		2
#define VEXFS_KIND_PQ		3
#define VEXFS_KIND_LSH		4

/* struct vexfs_search.metric */
#define VEXFS_METRIC_L2		0	/* squared Euclidean distance */
#define VEXFS_METRIC_IP		1	/* inner product */
#define VEXFS_METRIC_COSINE	2

/*
 * A search: this header, then a payload that holds the query (dim binary32
 * values) on the way in and the hits (count times struct vexfs_hit, nearest
 * first) on the way out.  The command word carries the size of the header
 * and of the larger of the two.
 *
 * A query of more elements is sent before, in parts (struct vexfs_query_part).
 * The search says so by a flag and by the query's number, and its payload is as
 * large as the hits.  A filter is sent before (struct vexfs_filter_part), and named likewise:
 * then no other rows are found than those of the filter.
 */
#define VEXFS_SEARCH_SENT	1	/* struct vexfs_search.flags */
#define VEXFS_SEARCH_FILTERED	2

struct vexfs_search {
	__u32 kind;		/* in: VEXFS_KIND_* */
	__u32 metric;		/* in: VEXFS_METRIC_* */
	__u32 dim;		/* in: elements of the query */
	__u32 k;		/* in: hits wanted */
	__u32 effort;		/* in: efSearch, nprobe, probes or re-rank depth */
	__u32 flags;		/* in: 0, VEXFS_SEARCH_SENT, VEXFS_SEARCH_FILTERED or both */
	__u32 count;		/* in: 0; out: hits that follow */
	__u32 filter;		/* in: the number of a filter that was sent, or 0 */
	__u64 rows;		/* in: 0; out: rows of the searched snapshot */
	__u64 generation;	/* in: 0; out: generation of that snapshot */
	__u64 evaluated;	/* in: 0; out: full distances computed */
	__u64 query;		/* in: the number of a query that was sent, or 0 */
};

struct vexfs_hit {
	__u32 row;
	__u32 distance;		/* the bits of a binary32 */
};

/*
 * Several searches in one: this header, then a payload that holds the queries on the way in,
 * one after the other, and on the way out search.k hits for each, in the same order.  Where
 * fewer were found, the last of these are no rows (VEXFS_ROW_NONE).  All searches run on one
 * snapshot.  The command word carries the size of the header and of the larger of the two.
 */
#define VEXFS_ROW_NONE		VEXFS_ROWS_MAX

struct vexfs_batch {
	struct vexfs_search search;	/* for each query; out: count and evaluated of all */
	__u32 queries;		/* in: how many */
	__u32 reserved;		/* in: 0 */
};

/*
 * A part of a query: this header, then @count elements.  An open file holds one query
 * at a time, which begins with its element 0 and ends with the open file.
 */
struct vexfs_query_part {
	__u64 query;		/* in: a number of the caller's choice, not 0 */
	__u32 dim;		/* in: elements of the whole query */
	__u32 start;		/* in: the first element of this part */
	__u32 count;		/* in: elements of this part */
	__u32 flags;		/* in: 0 */
	__u64 reserved;		/* in: 0 */
};

/*
 * A part of a filter: this header, then @count words of 64 bits.  A filter is a set of rows:
 * it has row r if bit r % 64 of its word r / 64 is set.  Rows beyond its last word are not in
 * it.  An open file holds one filter at a time, like one query.
 */
struct vexfs_filter_part {
	__u32 filter;		/* in: a number of the caller's choice, not 0 */
	__u32 words;		/* in: words of the whole filter */
	__u32 start;		/* in: the first word of this part */
	__u32 count;		/* in: words of this part */
	__u32 flags;		/* in: 0 */
	__u32 reserved[3];	/* in: 0 */
};

struct vexfs_index_info {
	__u32 kind;		/* VEXFS_KIND_* */
	__u32 metric;		/* VEXFS_METRIC_* */
	__u64 rows;		/* rows covered, from row 0 */
};

struct vexfs_info {
	__u32 flags;		/* in: 0 */
	__u32 dim;		/* out: 0 where the file has no rows */
	__u64 rows;		/* out */
	__u64 generation;	/* out: differs when the rows have changed */
	__u32 indexes;		/* out: entries of index[] that are valid */
	__u32 reserved0;
	__u64 reserved1[4];
	struct vexfs_index_info index[VEXFS_INDEX_MAX];
};

#define VEXFS_IOC_INFO		_IOWR(VEXFS_IOC_MAGIC, 1, struct vexfs_info)

#define VEXFS_IOC_SEARCH_NR	2
/* The command of a search whose header and payload take this many bytes. */
#define VEXFS_IOC_SEARCH(bytes)	\
	_IOC(_IOC_READ | _IOC_WRITE, VEXFS_IOC_MAGIC, VEXFS_IOC_SEARCH_NR, (bytes))

#define VEXFS_IOC_QUERY_NR	3
/* The command of a part whose header and elements take this many bytes. */
#define VEXFS_IOC_QUERY(bytes)	\
	_IOC(_IOC_WRITE, VEXFS_IOC_MAGIC, VEXFS_IOC_QUERY_NR, (bytes))

#define VEXFS_IOC_FILTER_NR	4
/* The command of a part whose header and words take this many bytes. */
#define VEXFS_IOC_FILTER(bytes)	\
	_IOC(_IOC_WRITE, VEXFS_IOC_MAGIC, VEXFS_IOC_FILTER_NR, (bytes))

#define VEXFS_IOC_BATCH_NR	5
/* The command of a batch whose header and payload take this many bytes. */
#define VEXFS_IOC_BATCH(bytes)	\
	_IOC(_IOC_READ | _IOC_WRITE, VEXFS_IOC_MAGIC, VEXFS_IOC_BATCH_NR, (bytes))

#endif /* _UAPI_LINUX_VEXFS_H */

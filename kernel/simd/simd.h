/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inner loops of searching, in one implementation for each vector register width.
 *
 * distance_*.c, code_*.c and pq_scan_*.c have them.  These are compiled with the FPU
 * flags and must be called between kernel_fpu_begin() and kernel_fpu_end()
 * (fpu_section.h).  All implementations of one operation give the same bits as the scalar one,
 * which is the reference.
 */
#ifndef VEXFS_SIMD_H
#define VEXFS_SIMD_H

#include <linux/types.h>

/*
 * The lanes of docs/arithmetic.md: vectors are zero padded to a multiple of so many
 * elements.
 */
#define VEXFS_LANES	16

/* The implementations take at most so many rows at a time. */
#define VEXFS_STEP_ROWS	8

/* No distance is as far: a limit that keeps everything. */
#define VEXFS_NO_LIMIT	0xffffffffU

/* Operations that exist for each metric are numbered by VEXFS_METRIC_*. */
#define VEXFS_METRICS	3

/* One query and rows that lie one after the other, all of @stride elements. */
struct vexfs_scan {
	const u32 *query;
	const u32 *rows;
	const u32 *inverse;	/* inverse length of each row; cosine only */
	u32 query_inverse;	/* inverse length of the query; cosine only */
	u32 stride;
	u32 count;		/* rows */
	u32 first;		/* number of the first row */
	u32 limit;		/* rows whose order(distance) is not below are left out */
};

/*
 * The rows of a list are asked for a step ahead.  So that many entries more than are
 * meant must be there to be read, whatever they are.
 */
#define VEXFS_LIST_AHEAD	8

/* Rows that lie one after the other, beginning with one of them. */
struct vexfs_piece {
	const u32 *elements;
	const u32 *inverse;	/* inverse length of each row */
};

/* One query and rows of a list: of one piece or, where there is a table, of many. */
struct vexfs_gather {
	const u32 *query;
	const u32 *elements;	/* of row 0 */
	const u32 *inverse;	/* of row 0; cosine only */
	const struct vexfs_piece *pieces;	/* NULL, or in place of the two above */
	u32 shift;		/* a piece has 1 << @shift rows */
	const u32 *list;	/* numbers of rows */
	u32 query_inverse;
	u32 stride;
	u32 count;		/* entries of the list */
};

/* Writes dot(query, row), or the inverse length of each row: no list, no metric. */
typedef void vexfs_rows_fn(const struct vexfs_scan *scan, u32 *out);

struct vexfs_distance_ops {
	/*
	 * Writes the keys (order(distance) << 32 | row) of the rows that are below the
	 * limit, in the order of the rows, and returns how many these are.  @near has
	 * room for scan->count keys.
	 */
	u32 (*scan[VEXFS_METRICS])(const struct vexfs_scan *scan, u64 *near);
	/* Writes the key of each row of the list. */
	void (*gather[VEXFS_METRICS])(const struct vexfs_gather *gather, u64 *keys);
	vexfs_rows_fn *products;
	vexfs_rows_fn *inverses;
};

/* Codes are compared in steps of so many. */
#define VEXFS_CODES	64

/*
 * A code distance in the module: that of docs/search.md for L2, and for the
 * others the same less 2^30, so that all are below 2^31 - 1 for vectors that have codes.
 */
#define VEXFS_CODE_BIAS		0x40000000U
#define VEXFS_CODE_LIMIT	0x7fffffffU

/* The codes of one query, prepared, and of nodes; all of @stride codes. */
struct vexfs_code_scan {
	const void *query;
	const s8 *codes;	/* of node 0 */
	const u32 *list;	/* the nodes, where they are a list */
	u32 stride;		/* a multiple of VEXFS_CODES */
	u32 first;		/* the first node, where they are in a row */
	u32 count;
	u32 limit;		/* at most VEXFS_CODE_LIMIT */
};

/*
 * Writes the keys (code distance << 32 | node) of the nodes whose distance is below
 * the limit, in their order, and returns how many these are.
 */
typedef u32 vexfs_code_fn(const struct vexfs_code_scan *scan, u64 *near);

/* For L2 and for the products of the other two metrics. */
struct vexfs_code_ops {
	/* Makes of a query's codes, widened to 16 bits, what is wanted; NULL for these. */
	void (*prepare)(void *query, u32 stride);
	vexfs_code_fn *scan_l2;
	vexfs_code_fn *scan_dot;
	vexfs_code_fn *gather_l2;
	vexfs_code_fn *gather_dot;
};

/* Rows of a group in the codes of a PQ index. */
#define VEXFS_PQ_GROUP	32

struct vexfs_pq_scan {
	const u8 *table;	/* 16 entries for each sub-quantizer, aligned to 64 bytes */
	const u8 *codes;	/* of the first group */
	u32 pairs;		/* of sub-quantizers */
	u32 groups;
	u32 first;		/* number of the first row */
	u32 limit;		/* sums from here on are left out; at most 0xffff */
};

/*
 * Writes the keys (sum << 32 | row) of the rows whose sum is below the limit, rows
 * beyond the last one of the index included.
 */
typedef u32 vexfs_pq_fn(const struct vexfs_pq_scan *scan, u64 *near);

struct vexfs_simd {
	const char *name;
	struct vexfs_distance_ops distance;
	struct vexfs_code_ops code;
	vexfs_pq_fn *pq_scan;
};

extern const struct vexfs_distance_ops vexfs_distance_scalar, vexfs_distance_sse2;
extern const struct vexfs_distance_ops vexfs_distance_avx2, vexfs_distance_avx512;
extern const struct vexfs_code_ops vexfs_code_scalar, vexfs_code_sse2;
extern const struct vexfs_code_ops vexfs_code_avx2, vexfs_code_avx512, vexfs_code_vnni;
vexfs_pq_fn vexfs_pq_scan_scalar, vexfs_pq_scan_avx2, vexfs_pq_scan_avx512;

/* Those for this CPU, from vexfs_simd_init() on. */
extern struct vexfs_simd vexfs_simd;

/* 0, or -ENODEV after a line in the kernel log that says why. */
int vexfs_simd_init(void);

#endif /* VEXFS_SIMD_H */

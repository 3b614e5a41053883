/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Squared Euclidean distances, as docs/arithmetic.md defines them.
 *
 * Floats live only in the distance_*.c files, which are compiled with the FPU
 * flags and called between kernel_fpu_begin() and kernel_fpu_end().  Everybody
 * else sees a vector as the bits of its elements and a distance as an integer
 * that orders as the distance does.
 */
#ifndef VEXFS_DISTANCE_H
#define VEXFS_DISTANCE_H

#include <linux/types.h>

/* The lanes of the arithmetic: a packed vector is zero padded to a multiple. */
#define VEXFS_LANES	16

/* A bound above each distance, +inf included. */
#define VEXFS_NO_LIMIT	0x7fffffffU

/*
 * A run of packed rows to be compared with one query.  Query and rows take
 * @stride elements each and are aligned to 64 bytes.
 */
struct vexfs_scan {
	const u32 *query;
	const u32 *rows;
	u32 stride;
	u32 count;	/* rows in the run */
	u32 first;	/* number of its first row */
	u32 limit;	/* distances from here on are of no interest */
};

/*
 * Writes the keys (distance bits << 32 | row) of the rows that are nearer than
 * the limit, in the order of the rows, and returns how many these are.  @near
 * has room for scan->count keys.
 */
typedef u32 vexfs_scan_fn(const struct vexfs_scan *scan, u64 *near);

vexfs_scan_fn vexfs_scan_scalar;
vexfs_scan_fn vexfs_scan_sse2;
vexfs_scan_fn vexfs_scan_avx2;
vexfs_scan_fn vexfs_scan_avx512;

/* The one for this CPU, from vexfs_distance_init() on. */
extern vexfs_scan_fn *vexfs_scan_best;

int vexfs_distance_init(void);

#endif /* VEXFS_DISTANCE_H */

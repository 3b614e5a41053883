/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What becomes of a query before it meets an index: codes, a table, hashes.
 *
 * query.c computes with floats, so its functions are to be called between
 * kernel_fpu_begin() and kernel_fpu_end().  prepare.c calls them for parts of a query, none of
 * which takes longer than some 30 us at an instruction a nanosecond.
 */
#ifndef VEXFS_QUERY_H
#define VEXFS_QUERY_H

#include <linux/types.h>

#include "search/index.h"

/* Writes @factor times each of @count elements, a multiple of VEXFS_LANES. */
void vexfs_query_multiply(const u32 *elements, u32 factor, u32 count, u32 *out);

/* Codes for L2 and, by the largest bits without sign of all elements, for the others. */
void vexfs_query_code_l2(const u32 *elements, const u32 *offset, u32 scale, u32 count, s16 *out);
u32 vexfs_query_peak(const u32 *elements, u32 count, u32 peak);
void vexfs_query_code_dot(const u32 *elements, u32 peak, u32 count, s16 *out);

/* Centroids of a sub-quantizer, and bytes of its part of the table. */
#define VEXFS_PQ_CENTROIDS	16

/*
 * Begins, or continues, the sums from which the table of a PQ search is made: 16 floats for
 * each of @m sub-quantizers, to each of which @sub elements are added.  The codebook holds
 * [m][sub][16].  Everything but @elements is aligned to 16 bytes.
 */
void vexfs_query_sums(bool l2, const u32 *elements, const u32 *codebook, u32 m, u32 sub,
		      bool begin, u32 *t);

/* Makes a table of the sums, 16 bytes for each sub-quantizer.  The sums are overwritten. */
void vexfs_query_table(bool l2, u32 m, u32 *t, u8 *table);

struct vexfs_hash {
	s32 h;		/* which slot of the projection */
	u32 s;		/* where in it, 0 to 1024 */
};

/* The hashes of @count products, each shifted by its bias. */
void vexfs_query_hash(const u32 *products, const u32 *bias, u32 count, struct vexfs_hash *out);

#endif /* VEXFS_QUERY_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What becomes of a query before it meets an index: codes, a table, hashes.
 *
 * query.c computes with floats, so its functions are to be called between
 * kernel_fpu_begin() and kernel_fpu_end().  None takes longer than some 30 us at an
 * instruction a nanosecond, for 4,000 elements.
 */
#ifndef VEXFS_QUERY_H
#define VEXFS_QUERY_H

#include <linux/types.h>

#include "search/index.h"

/* Writes @factor times each of @count elements, a multiple of VEXFS_LANES. */
void vexfs_query_multiply(const u32 *elements, u32 factor, u32 count, u32 *out);

/*
 * Codes a query of @dim elements for vexfs_simd.code, in @out, which has room for 16 bits for each
 * code.  @inverse is the inverse length of the query, for cosine.  @scratch has room for the
 * query.  All arrays are aligned to 16 bytes, and @out to 64.
 */
void vexfs_query_code(const struct vexfs_quantizer *quantizer, u32 metric, const u32 *elements,
		      u32 inverse, u32 dim, u32 *scratch, s16 *out);

/* Centroids of a sub-quantizer, and bytes of its part of the table. */
#define VEXFS_PQ_CENTROIDS	16

/*
 * Fills the table of a PQ search: 16 bytes for each of @m sub-quantizers of @sub
 * elements.  The codebook holds [m][sub][16].  @scratch has room for 16 * @m elements;
 * everything but @elements is aligned to 16 bytes.
 */
void vexfs_query_table(bool l2, const u32 *elements, const u32 *codebook, u32 m, u32 sub,
		       u32 *scratch, u8 *table);

struct vexfs_hash {
	s32 h;		/* which slot of the projection */
	u32 s;		/* where in it, 0 to 1024 */
};

/* The hashes of @count products, each shifted by its bias. */
void vexfs_query_hash(const u32 *products, const u32 *bias, u32 count, struct vexfs_hash *out);

#endif /* VEXFS_QUERY_H */

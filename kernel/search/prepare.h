/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What becomes of a query before it meets an index (query.h), part by part: a query may be
 * longer than preemption may be off.
 *
 * To be called in a section of the FPU.  Each returns 0 or, after a fatal signal, -EINTR;
 * either way a section is open.
 */
#ifndef VEXFS_PREPARE_H
#define VEXFS_PREPARE_H

#include <linux/types.h>

#include "search/index.h"
#include "simd/fpu_section.h"

/* Writes @factor times each of @count elements, a multiple of VEXFS_LANES. */
int vexfs_prepare_multiply(struct vexfs_fpu *fpu, const u32 *elements, u32 factor, u32 count,
			   u32 *out);

/*
 * Codes a query of @dim elements for vexfs_simd.code, in @out, which has room for 16 bits for each
 * code.  @inverse is the inverse length of the query, for cosine.  @scratch has room for the
 * query.  All arrays are aligned to 16 bytes, and @out to 64.
 */
int vexfs_prepare_codes(struct vexfs_fpu *fpu, const struct vexfs_quantizer *quantizer, u32 metric,
			const u32 *elements, u32 inverse, u32 dim, u32 *scratch, s16 *out);

/*
 * Fills the table of a PQ search: 16 bytes for each of @m sub-quantizers of @sub
 * elements.  The codebook holds [m][sub][16].  @scratch has room for 16 * @m elements;
 * everything but @elements is aligned to 16 bytes.
 */
int vexfs_prepare_table(struct vexfs_fpu *fpu, bool l2, const u32 *elements, const u32 *codebook,
			u32 m, u32 sub, u32 *scratch, u8 *table);

#endif /* VEXFS_PREPARE_H */

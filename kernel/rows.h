/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packed rows, as searches see them: each vector is zero padded to a multiple of
 * the lanes of docs/arithmetic.md.  Everybody but the float files sees an
 * element, a length or a distance as its bits.
 */
#ifndef VEXFS_ROWS_H
#define VEXFS_ROWS_H

#include <linux/types.h>

/* The lanes of the arithmetic. */
#define VEXFS_LANES	16

/**
 * struct vexfs_rows - the rows of one snapshot
 * @elements: @rows times @stride elements, aligned to 64 bytes; all finite, and
 *	0 from @dim on
 * @inverse: the inverse length of each row, from vexfs_inverse_lengths(); only
 *	looked at for cosine, NULL if there is to be no such search
 * @dim: elements of a vector
 * @stride: @dim rounded up to a multiple of VEXFS_LANES
 * @rows: how many
 */
struct vexfs_rows {
	const u32 *elements;
	const u32 *inverse;
	u32 dim;
	u32 stride;
	u32 rows;
};

#endif /* VEXFS_ROWS_H */

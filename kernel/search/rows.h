/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packed rows, as searches see them: each vector is zero padded to a multiple of
 * VEXFS_LANES.  Everybody but the float files sees an element, a length or a distance
 * as its bits.
 */
#ifndef VEXFS_ROWS_H
#define VEXFS_ROWS_H

#include <linux/minmax.h>
#include <linux/types.h>

#include "simd/fpu_section.h"
#include "simd/simd.h"

/**
 * struct vexfs_rows - the rows of one snapshot
 * @elements: @rows times @stride elements, aligned to 64 bytes; all finite, and
 *	0 from @dim on
 * @inverse: the inverse length of each row, from vexfs_inverse_lengths(); only
 *	looked at for cosine, NULL if there is to be no such search
 * @pieces: NULL or, in place of the two above, where the rows lie: as many to a piece
 *	as @shift says
 * @dim: elements of a vector
 * @stride: @dim rounded up to a multiple of VEXFS_LANES
 * @rows: how many
 * @shift: a piece has 1 << @shift rows
 */
struct vexfs_rows {
	const u32 *elements;
	const u32 *inverse;
	const struct vexfs_piece *pieces;
	u32 dim;
	u32 stride;
	u32 rows;
	u32 shift;
};

/* From one row on: those that lie behind it, and how many these are. */
struct vexfs_run {
	struct vexfs_piece at;
	u32 rows;
};

static inline struct vexfs_run vexfs_run_from(const struct vexfs_rows *rows, u32 row)
{
	struct vexfs_run run = { { rows->elements, rows->inverse }, rows->rows - row };
	u32 first = row;

	if (rows->pieces) {
		run.at = rows->pieces[row >> rows->shift];
		first = row & ((1U << rows->shift) - 1);
		run.rows = min(run.rows, (1U << rows->shift) - first);
	}
	run.at.elements += (size_t)first * rows->stride;
	if (run.at.inverse)
		run.at.inverse += first;
	return run;
}

/*
 * Copies @dim elements from @in to @out and pads them with zeros to a multiple of
 * VEXFS_LANES.  Returns false if one of them is a NaN or an infinity.
 */
bool vexfs_pack(u32 *out, const __le32 *in, u32 dim);

/*
 * Packs @count records of a vector file: each is a dimension and so many elements.
 * Returns false if one has another dimension than @rows, a NaN or an infinity.
 */
bool vexfs_pack_records(const struct vexfs_rows *rows, u32 *out, const __le32 *records,
			u32 count);

/**
 * vexfs_inverse_lengths() - compute the inverse lengths of rows, for cosine
 * @rows: the rows, in one piece; their own @inverse is not looked at
 * @inverse: room for one element a row
 *
 * May sleep.
 *
 * Return: 0 or, after a fatal signal, -EINTR.
 */
int vexfs_inverse_lengths(const struct vexfs_rows *rows, u32 *inverse);

/* The inverse length of a query, in a section of the FPU. */
u32 vexfs_query_inverse(const u32 *query, u32 stride);

/* What reading one row may take. */
static inline u32 vexfs_row_ns(const struct vexfs_rows *rows)
{
	return VEXFS_READ_NS(rows->stride * sizeof(*rows->elements));
}

/* Rows that are scanned in one section of the FPU at most. */
#define VEXFS_SCAN_ROWS	256

/* How many rows are scanned in one section. */
static inline u32 vexfs_scan_batch(const struct vexfs_rows *rows)
{
	return vexfs_batch(vexfs_row_ns(rows), VEXFS_STEP_ROWS, VEXFS_SCAN_ROWS);
}

#endif /* VEXFS_ROWS_H */

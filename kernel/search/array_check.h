/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What docs/index-format.md demands of the arrays of an index file.  Each check returns 0,
 * -EUCLEAN or, after a fatal signal, -EINTR.
 */
#ifndef VEXFS_ARRAY_CHECK_H
#define VEXFS_ARRAY_CHECK_H

#include <linux/types.h>

/* Each row below @rows once.  Also -ENOMEM. */
int vexfs_check_permutation(const u32 *row_of, u32 rows);

/* Each below @limit. */
int vexfs_check_below(const u32 *numbers, u64 count, u32 limit);

/* @lists of @width: each entry below @limit or NONE, after which there is only NONE. */
int vexfs_check_links(const u32 *links, u32 lists, u32 width, u32 limit);

/* @lists + 1 numbers, from 0 to @last, that never fall. */
int vexfs_check_starts(const u32 *starts, u32 lists, u32 last);

/* No NaN and no infinity. */
int vexfs_check_finite(const u32 *elements, u64 count);

/* Finite rows of @dim elements, padded with +0 to a multiple of VEXFS_LANES. */
int vexfs_check_vectors(const u32 *elements, u64 rows, u32 dim);

/* A quantizer of so many elements and what stands for its scale. */
int vexfs_check_quantizer(const u32 *quantizer, u32 dim);

/* Codes of @rows rows of @dim elements, zero padded to a multiple of VEXFS_CODES. */
int vexfs_check_codes(const s8 *codes, u32 rows, u32 dim);

#endif /* VEXFS_ARRAY_CHECK_H */

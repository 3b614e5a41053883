/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the parameters of an index file.
 */
#ifndef VEXFS_LAYOUT_H
#define VEXFS_LAYOUT_H

#include <linux/math.h>
#include <linux/string.h>
#include <linux/types.h>

#include "simd/simd.h"
#include "uapi/vexfs_index.h"

static inline u32 vexfs_param(const struct vexfs_index_header *header, u32 i)
{
	return le32_to_cpu(header->param[i]);
}

/* Whether the parameters from @first on are 0. */
static inline bool vexfs_no_params(const struct vexfs_index_header *header, u32 first)
{
	return !memchr_inv(&header->param[first], 0,
			   (VEXFS_INDEX_PARAMS - first) * sizeof(header->param[0]));
}

/* Bytes of a padded vector, and of codes and a quantizer where there are any. */
static inline u64 vexfs_vector_bytes(const struct vexfs_index_header *header)
{
	return round_up(le32_to_cpu(header->dim), VEXFS_LANES) * sizeof(u32);
}

static inline u64 vexfs_code_bytes(const struct vexfs_index_header *header)
{
	return header->exact ? 0 : round_up(le32_to_cpu(header->dim), VEXFS_CODES);
}

static inline u64 vexfs_quantizer_bytes(const struct vexfs_index_header *header)
{
	return header->exact ? 0 : vexfs_vector_bytes(header) + VEXFS_LANES * sizeof(u32);
}

#endif /* VEXFS_LAYOUT_H */

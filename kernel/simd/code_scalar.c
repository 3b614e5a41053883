// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference of the code distances: docs/search.md word for word.
 */
#include "simd/simd.h"

typedef u32 distance_fn(const s16 *query, const s8 *codes, u32 stride);

static u32 squared_distance(const s16 *query, const s8 *codes, u32 stride)
{
	u32 d, sum = 0;
	s32 difference;

	for (d = 0; d < stride; d++) {
		difference = query[d] - codes[d];
		sum += difference * difference;
	}
	return sum;
}

static u32 negated_product(const s16 *query, const s8 *codes, u32 stride)
{
	s32 sum = 0;
	u32 d;

	for (d = 0; d < stride; d++)
		sum += query[d] * codes[d];
	return VEXFS_CODE_BIAS - sum;
}

static u32 near_nodes(distance_fn *distance, const struct vexfs_code_scan *scan, bool listed,
		      u64 *near)
{
	u32 i, node, far, found = 0;

	for (i = 0; i < scan->count; i++) {
		node = listed ? scan->list[i] : scan->first + i;
		far = distance(scan->query, scan->codes + (size_t)node * scan->stride,
			       scan->stride);
		if (far < scan->limit)
			near[found++] = (u64)far << 32 | node;
	}
	return found;
}

static u32 scan_l2(const struct vexfs_code_scan *scan, u64 *near)
{
	return near_nodes(squared_distance, scan, false, near);
}

static u32 scan_dot(const struct vexfs_code_scan *scan, u64 *near)
{
	return near_nodes(negated_product, scan, false, near);
}

static u32 gather_l2(const struct vexfs_code_scan *scan, u64 *near)
{
	return near_nodes(squared_distance, scan, true, near);
}

static u32 gather_dot(const struct vexfs_code_scan *scan, u64 *near)
{
	return near_nodes(negated_product, scan, true, near);
}

const struct vexfs_code_ops vexfs_code_scalar = {
	.scan_l2 = scan_l2,
	.scan_dot = scan_dot,
	.gather_l2 = gather_l2,
	.gather_dot = gather_dot,
};

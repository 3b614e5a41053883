// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference of the scan of 4-bit codes: docs/search.md word for word.
 */
#include "simd/simd.h"

u32 vexfs_pq_scan_scalar(const struct vexfs_pq_scan *scan, u64 *near)
{
	const u8 *group = scan->codes;
	u32 g, r, p, sum, found = 0;
	u8 byte;

	for (g = 0; g < scan->groups; g++) {
		for (r = 0; r < VEXFS_PQ_GROUP; r++) {
			sum = 0;
			for (p = 0; p < scan->pairs; p++) {
				byte = group[p * VEXFS_PQ_GROUP + r];
				sum += scan->table[32 * p + (byte & 15)];
				sum += scan->table[32 * p + 16 + (byte >> 4)];
			}
			if (sum < scan->limit)
				near[found++] = (u64)sum << 32 |
						(scan->first + g * VEXFS_PQ_GROUP + r);
		}
		group += (size_t)scan->pairs * VEXFS_PQ_GROUP;
	}
	return found;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference: docs/arithmetic.md word for word.
 */
#include "distance.h"

static u32 distance_bits(const u32 *query, const u32 *row, u32 stride)
{
	float s[VEXFS_LANES] = {};
	float q, x, d;
	u32 b, j, half, bits;

	for (b = 0; b < stride; b += VEXFS_LANES) {
		for (j = 0; j < VEXFS_LANES; j++) {
			__builtin_memcpy(&q, &query[b + j], sizeof(q));
			__builtin_memcpy(&x, &row[b + j], sizeof(x));
			d = q - x;
			s[j] += d * d;
		}
	}
	for (half = VEXFS_LANES / 2; half; half /= 2)
		for (j = 0; j < half; j++)
			s[j] += s[j + half];

	__builtin_memcpy(&bits, &s[0], sizeof(bits));
	return bits;
}

u32 vexfs_scan_scalar(const struct vexfs_scan *scan, u64 *near)
{
	const u32 *row = scan->rows;
	u32 i, bits, found = 0;

	for (i = 0; i < scan->count; i++, row += scan->stride) {
		bits = distance_bits(scan->query, row, scan->stride);
		if (bits < scan->limit)
			near[found++] = (u64)bits << 32 | (scan->first + i);
	}
	return found;
}

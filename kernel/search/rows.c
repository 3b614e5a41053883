// SPDX-License-Identifier: GPL-2.0-only
#include <linux/minmax.h>
#include <linux/types.h>

#include "search/rows.h"
#include "simd/fpu_section.h"
#include "simd/simd.h"

#define EXPONENT	0x7f800000U

bool vexfs_pack(u32 *out, const __le32 *in, u32 dim)
{
	bool finite = true;
	u32 i, bits;

	for (i = 0; i < dim; i++) {
		bits = le32_to_cpu(in[i]);
		finite &= (bits & EXPONENT) != EXPONENT;
		out[i] = bits;
	}
	for (; i % VEXFS_LANES; i++)
		out[i] = 0;
	return finite;
}

bool vexfs_pack_records(const struct vexfs_rows *rows, u32 *out, const __le32 *records,
			u32 count)
{
	for (; count; count--, records += 1 + rows->dim, out += rows->stride) {
		if (le32_to_cpu(records[0]) != rows->dim)
			return false;
		if (!vexfs_pack(out, records + 1, rows->dim))
			return false;
	}
	return true;
}

int vexfs_inverse_lengths(const struct vexfs_rows *rows, u32 *inverse)
{
	const u32 step = vexfs_scan_batch(rows);
	struct vexfs_scan scan = { .rows = rows->elements, .stride = rows->stride };
	u32 left;
	int err = 0;

	for (left = rows->rows; left && !err; left -= scan.count) {
		scan.count = min(left, step);
		/* Not looked at, but read. */
		scan.query = scan.rows;

		kernel_fpu_begin();
		vexfs_simd.distance.inverses(&scan, inverse);
		kernel_fpu_end();

		scan.rows += (size_t)scan.count * scan.stride;
		inverse += scan.count;
		err = vexfs_relax();
	}
	return err;
}

u32 vexfs_query_inverse(const u32 *query, u32 stride)
{
	const struct vexfs_scan one = {
		.query = query,
		.rows = query,
		.stride = stride,
		.count = 1,
	};
	u32 inverse;

	vexfs_simd.distance.inverses(&one, &inverse);
	return inverse;
}

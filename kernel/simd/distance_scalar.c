// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference: docs/arithmetic.md word for word.
 */
#include "simd/simd.h"
#include "uapi/vexfs.h"

#ifdef __CHECKER__
#define __builtin_sqrtf(a)	(a)
#endif

static float from_bits(u32 bits)
{
	float value;

	__builtin_memcpy(&value, &bits, sizeof(value));
	return value;
}

static u32 to_bits(float value)
{
	u32 bits;

	__builtin_memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static float reduce(float *s)
{
	u32 half, j;

	for (half = VEXFS_LANES / 2; half; half /= 2)
		for (j = 0; j < half; j++)
			s[j] += s[j + half];
	return s[0];
}

static float squared_distance(const u32 *query, const u32 *row, u32 stride)
{
	float s[VEXFS_LANES] = {};
	u32 b, j;
	float d;

	for (b = 0; b < stride; b += VEXFS_LANES) {
		for (j = 0; j < VEXFS_LANES; j++) {
			d = from_bits(query[b + j]) - from_bits(row[b + j]);
			s[j] += d * d;
		}
	}
	return reduce(s);
}

static float dot(const u32 *query, const u32 *row, u32 stride)
{
	float s[VEXFS_LANES] = {};
	u32 b, j;

	for (b = 0; b < stride; b += VEXFS_LANES)
		for (j = 0; j < VEXFS_LANES; j++)
			s[j] += from_bits(query[b + j]) * from_bits(row[b + j]);
	return reduce(s);
}

static float inverse_length(const u32 *row, u32 stride)
{
	float n = dot(row, row, stride);

	if (n == 0 || n == __builtin_inff())
		return 0;
	return 1 / __builtin_sqrtf(n);
}

static u32 order(float distance)
{
	u32 bits = distance == distance ? to_bits(distance) : to_bits(__builtin_inff());

	return bits & 0x80000000U ? ~bits : bits ^ 0x80000000U;
}

/* The query's inverse length and those of all rows are for cosine alone. */
struct lengths {
	const u32 *inverse;
	u32 query_inverse;
};

typedef float distance_fn(const u32 *query, const u32 *row, u32 stride,
			  const struct lengths *lengths, u32 i);

static float distance_l2(const u32 *query, const u32 *row, u32 stride,
			 const struct lengths *lengths, u32 i)
{
	return squared_distance(query, row, stride);
}

static float distance_ip(const u32 *query, const u32 *row, u32 stride,
			 const struct lengths *lengths, u32 i)
{
	return 0 - dot(query, row, stride);
}

static float distance_cosine(const u32 *query, const u32 *row, u32 stride,
			     const struct lengths *lengths, u32 i)
{
	return 1 - (dot(query, row, stride) * from_bits(lengths->query_inverse)) *
		   from_bits(lengths->inverse[i]);
}

static u32 scan_rows(distance_fn *distance, const struct vexfs_scan *scan, u64 *near)
{
	const struct lengths lengths = { scan->inverse, scan->query_inverse };
	const u32 *row = scan->rows;
	u32 i, far, found = 0;

	for (i = 0; i < scan->count; i++, row += scan->stride) {
		far = order(distance(scan->query, row, scan->stride, &lengths, i));
		if (far < scan->limit)
			near[found++] = (u64)far << 32 | (scan->first + i);
	}
	return found;
}

static void gather_rows(distance_fn *distance, const struct vexfs_gather *gather, u64 *keys)
{
	struct vexfs_piece piece = { gather->elements, gather->inverse };
	struct lengths lengths = { .query_inverse = gather->query_inverse };
	const u32 *elements;
	u32 i, row, at, far;

	for (i = 0; i < gather->count; i++) {
		row = gather->list[i];
		at = row;
		if (gather->pieces) {
			piece = gather->pieces[row >> gather->shift];
			at = row & ((1U << gather->shift) - 1);
		}
		lengths.inverse = piece.inverse;
		elements = piece.elements + (size_t)at * gather->stride;
		far = order(distance(gather->query, elements, gather->stride, &lengths, at));
		keys[i] = (u64)far << 32 | row;
	}
}

static u32 scan_l2(const struct vexfs_scan *scan, u64 *near)
{
	return scan_rows(distance_l2, scan, near);
}

static u32 scan_ip(const struct vexfs_scan *scan, u64 *near)
{
	return scan_rows(distance_ip, scan, near);
}

static u32 scan_cosine(const struct vexfs_scan *scan, u64 *near)
{
	return scan_rows(distance_cosine, scan, near);
}

static void gather_l2(const struct vexfs_gather *gather, u64 *keys)
{
	gather_rows(distance_l2, gather, keys);
}

static void gather_ip(const struct vexfs_gather *gather, u64 *keys)
{
	gather_rows(distance_ip, gather, keys);
}

static void gather_cosine(const struct vexfs_gather *gather, u64 *keys)
{
	gather_rows(distance_cosine, gather, keys);
}

static void products(const struct vexfs_scan *scan, u32 *out)
{
	u32 i;

	for (i = 0; i < scan->count; i++)
		out[i] = to_bits(dot(scan->query, scan->rows + (size_t)i * scan->stride,
				     scan->stride));
}

static void inverses(const struct vexfs_scan *scan, u32 *out)
{
	u32 i;

	for (i = 0; i < scan->count; i++)
		out[i] = to_bits(inverse_length(scan->rows + (size_t)i * scan->stride,
						scan->stride));
}

const struct vexfs_distance_ops vexfs_distance_scalar = {
	.scan = {
		[VEXFS_METRIC_L2] = scan_l2,
		[VEXFS_METRIC_IP] = scan_ip,
		[VEXFS_METRIC_COSINE] = scan_cosine,
	},
	.gather = {
		[VEXFS_METRIC_L2] = gather_l2,
		[VEXFS_METRIC_IP] = gather_ip,
		[VEXFS_METRIC_COSINE] = gather_cosine,
	},
	.products = products,
	.inverses = inverses,
};

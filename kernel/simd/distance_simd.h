/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The distances for one vector register width.  The file that includes this defines
 *
 *	SIMD_BYTES	bytes of a register
 *	SIMD_ROWS	rows whose sums fit into the registers together; more rows
 *			hide more of the latency of the additions
 *	SIMD_OPS	name of the table
 *
 * GCC's vector extensions are used rather than intrinsics, whose headers are
 * not for kernel code.  The sums of a row stay in SIMD_PARTS registers; halving
 * them down to four lanes is the upper part of the tree of the arithmetic for
 * each width, so that all give the same bits.
 */
#include "simd/simd.h"
#include "uapi/vexfs.h"

/* Sparse takes a vector for one of its elements. */
#ifdef __CHECKER__
#define __builtin_shufflevector(a, b, ...)	((void)(b), (a))
#define __builtin_ia32_movmskps(a)		((u32)(a))
#define __builtin_sqrtf(a)			(a)
#endif

#define SIMD_LANES	(SIMD_BYTES / 4)
#define SIMD_PARTS	(VEXFS_LANES / SIMD_LANES)
/* Four rows are reduced to their distances together. */
#define SIMD_STEP	(SIMD_ROWS > 4 ? SIMD_ROWS : 4)

/*
 * Steps of the arithmetic, cache lines that is, that a scan asks for in advance,
 * in the order of memory: the prefetchers of the hardware do not follow rows
 * that are read side by side well.
 */
#define SIMD_AHEAD	64

/* Vectors of SIMD_LANES, 8 and 4 lanes. */
#define simd_t		float __attribute__((vector_size(SIMD_BYTES)))
#define simd8_t		float __attribute__((vector_size(32)))
#define simd4_t		float __attribute__((vector_size(16)))
#define mask4_t		int __attribute__((vector_size(16)))

/* What is summed up: (q - x)^2, q * x or x * x. */
enum term { SQUARE, PRODUCT, LENGTH };

/* Lanes 0..3 of step two of the reduction: u[j] of docs/arithmetic.md. */
static __always_inline simd4_t fold(const simd_t *sum)
{
#if SIMD_BYTES == 64
	simd8_t t = __builtin_shufflevector(*sum, *sum, 0, 1, 2, 3, 4, 5, 6, 7) +
		    __builtin_shufflevector(*sum, *sum, 8, 9, 10, 11, 12, 13, 14, 15);
#elif SIMD_BYTES == 32
	simd8_t t = sum[0] + sum[1];
#endif
#if SIMD_BYTES >= 32
	return __builtin_shufflevector(t, t, 0, 1, 2, 3) +
	       __builtin_shufflevector(t, t, 4, 5, 6, 7);
#else
	return (sum[0] + sum[2]) + (sum[1] + sum[3]);
#endif
}

/*
 * Folds the sums of SIMD_ROWS rows.  Those of a scan lie one after the other, and the
 * lines after them are asked for; those of a list lie anywhere, and @next are the rows
 * after them.
 */
static __always_inline void accumulate(enum term term, const u32 *query, const u32 *const *rows,
				       const u32 *const *next, size_t stride, simd4_t *u)
{
	simd_t sum[SIMD_ROWS][SIMD_PARTS];
	const u32 *ahead = rows[0] + SIMD_AHEAD * VEXFS_LANES;
	simd_t q[SIMD_PARTS], x;
	size_t b = 0;
	int r, p;

#pragma GCC unroll 16
	for (r = 0; r < SIMD_ROWS; r++) {
#pragma GCC unroll 16
		for (p = 0; p < SIMD_PARTS; p++)
			sum[r][p] = (simd_t){ 0 };
	}

	do {
#pragma GCC unroll 16
		for (r = 0; r < SIMD_ROWS; r++)
			__builtin_prefetch(next ? next[r] + b : ahead + SIMD_ROWS * b +
							       r * VEXFS_LANES);
#pragma GCC unroll 16
		for (p = 0; p < SIMD_PARTS; p++)
			q[p] = *(const simd_t *)(query + b + p * SIMD_LANES);
#pragma GCC unroll 16
		for (r = 0; r < SIMD_ROWS; r++) {
#pragma GCC unroll 16
			for (p = 0; p < SIMD_PARTS; p++) {
				x = *(const simd_t *)(rows[r] + b + p * SIMD_LANES);
				if (term == SQUARE) {
					x = q[p] - x;
					sum[r][p] += x * x;
				} else if (term == PRODUCT) {
					sum[r][p] += q[p] * x;
				} else {
					sum[r][p] += x * x;
				}
			}
		}
		b += VEXFS_LANES;
	} while (b < stride);

#pragma GCC unroll 16
	for (r = 0; r < SIMD_ROWS; r++)
		u[r] = fold(sum[r]);
}

/* The sums of four rows: the last two steps of the tree, transposed. */
static __always_inline simd4_t transpose(const simd4_t *u)
{
	simd4_t v01 = __builtin_shufflevector(u[0], u[1], 0, 1, 4, 5) +
		      __builtin_shufflevector(u[0], u[1], 2, 3, 6, 7);
	simd4_t v23 = __builtin_shufflevector(u[2], u[3], 0, 1, 4, 5) +
		      __builtin_shufflevector(u[2], u[3], 2, 3, 6, 7);

	return __builtin_shufflevector(v01, v23, 0, 2, 4, 6) +
	       __builtin_shufflevector(v01, v23, 1, 3, 5, 7);
}

/* The sums of the SIMD_STEP rows of a step. */
static __always_inline void sums(enum term term, const u32 *query, const u32 *const *rows,
				 const u32 *const *next, size_t stride, simd4_t *v)
{
	simd4_t u[SIMD_STEP];
	int r;

#pragma GCC unroll 16
	for (r = 0; r < SIMD_STEP; r += SIMD_ROWS)
		accumulate(term, query, rows + r, next ? next + r : NULL, stride, u + r);
#pragma GCC unroll 16
	for (r = 0; r < SIMD_STEP; r += 4)
		v[r / 4] = transpose(u + r);
}

static __always_inline enum term term_of(u32 metric)
{
	return metric == VEXFS_METRIC_L2 ? SQUARE : PRODUCT;
}

/*
 * From the sums of four rows to order(distance) less 2^31: the signed integers that
 * order as the distances do.
 */
static __always_inline mask4_t finish(u32 metric, simd4_t v, simd4_t query_inverse,
				      simd4_t inverse)
{
	const mask4_t infinity = (mask4_t){ 0 } + 0x7f800000;
	mask4_t bits, ordered;

	/* A sum of squares is no NaN, and has no sign. */
	if (metric == VEXFS_METRIC_L2)
		return (mask4_t)v;
	if (metric == VEXFS_METRIC_IP)
		v = 0 - v;
	else
		v = 1 - (v * query_inverse) * inverse;
	ordered = (mask4_t)(v == v);
	bits = ((mask4_t)v & ordered) | (infinity & ~ordered);
	return bits ^ (mask4_t)((bits >> 31) & 0x7fffffff);
}

static __always_inline simd4_t broadcast(u32 bits)
{
	return (simd4_t)((mask4_t){ 0 } + (int)bits);
}

/* Four inverse lengths, for cosine. */
static __always_inline simd4_t load4(u32 metric, const u32 *inverse, size_t at)
{
	simd4_t four = { 0 };

	if (metric == VEXFS_METRIC_COSINE)
		__builtin_memcpy(&four, inverse + at, sizeof(four));
	return four;
}

static __always_inline u64 key(int order, u32 row)
{
	return (u64)((u32)order ^ 0x80000000U) << 32 | row;
}

static __always_inline u32 scan(u32 metric, const struct vexfs_scan *scan, u64 *near)
{
	const mask4_t limit = (mask4_t){ 0 } + (int)(scan->limit ^ 0x80000000U);
	const simd4_t query_inverse = broadcast(scan->query_inverse);
	const size_t stride = scan->stride;
	const u32 *rows[SIMD_STEP];
	const u32 *row = scan->rows;
	u32 inverse[4] = { 0 };
	simd4_t v[SIMD_STEP / 4];
	u32 done, count, hits, i;
	u64 *next = near;
	mask4_t far;
	int r, order[4];

	for (done = 0; scan->count - done >= SIMD_STEP; done += SIMD_STEP) {
#pragma GCC unroll 16
		for (r = 0; r < SIMD_STEP; r++)
			rows[r] = row + r * stride;
		sums(term_of(metric), scan->query, rows, NULL, stride, v);
#pragma GCC unroll 16
		for (r = 0; r < SIMD_STEP; r += 4) {
			far = finish(metric, v[r / 4], query_inverse,
				     load4(metric, scan->inverse, done + r));
			hits = __builtin_ia32_movmskps((simd4_t)(far < limit));
			if (__builtin_expect(!hits, 1))
				continue;
			__builtin_memcpy(order, &far, sizeof(order));
			for (i = 0; i < 4; i++)
				if (hits & 1U << i)
					*next++ = key(order[i], scan->first + done + r + i);
		}
		row += SIMD_STEP * stride;
	}

	/* The last row stands in for those that are missing. */
	while (done < scan->count) {
		count = scan->count - done;
#pragma GCC unroll 16
		for (i = 0; i < SIMD_STEP; i++)
			rows[i] = row + (i < count ? i : count - 1) * stride;
		sums(term_of(metric), scan->query, rows, rows, stride, v);
		for (r = 0; r < SIMD_STEP && done < scan->count; r += 4) {
			count = scan->count - done < 4 ? scan->count - done : 4;
			if (metric == VEXFS_METRIC_COSINE)
				for (i = 0; i < count; i++)
					inverse[i] = scan->inverse[done + i];
			far = finish(metric, v[r / 4], query_inverse, load4(metric, inverse, 0));
			__builtin_memcpy(order, &far, sizeof(order));
			hits = __builtin_ia32_movmskps((simd4_t)(far < limit));
			for (i = 0; i < count; i++)
				if (hits & 1U << i)
					*next++ = key(order[i], scan->first + done + i);
			done += count;
		}
	}
	return next - near;
}

static __always_inline const u32 *row_at(bool pieced, const struct vexfs_gather *gather, u32 row)
{
	if (!pieced)
		return gather->elements + row * (size_t)gather->stride;
	return gather->pieces[row >> gather->shift].elements +
	       (row & ((1U << gather->shift) - 1)) * (size_t)gather->stride;
}

static __always_inline u32 inverse_at(bool pieced, const struct vexfs_gather *gather, u32 row)
{
	if (!pieced)
		return gather->inverse[row];
	return gather->pieces[row >> gather->shift].inverse[row & ((1U << gather->shift) - 1)];
}

/*
 * The keys of @count rows, of a whole step as a rule.  What stands behind the @left entries
 * of the list may be no row: that is asked for in advance, but looked up in no table.
 */
static __always_inline void gather_step(u32 metric, bool pieced,
					const struct vexfs_gather *gather, const u32 *list,
					u32 count, u32 left, u64 *keys)
{
	const simd4_t query_inverse = broadcast(gather->query_inverse);
	const size_t stride = gather->stride;
	const u32 *rows[SIMD_STEP], *next[SIMD_STEP];
	u32 inverse[SIMD_STEP] = { 0 };
	simd4_t v[SIMD_STEP / 4];
	int order[SIMD_STEP];
	mask4_t far;
	bool ahead;
	u32 r;

	/* The first row stands in for those that are missing. */
#pragma GCC unroll 16
	for (r = 0; r < SIMD_STEP; r++) {
		rows[r] = row_at(pieced, gather, list[r < count ? r : 0]);
		ahead = pieced ? SIMD_STEP + r < left : r < count;
		next[r] = row_at(pieced, gather, list[ahead ? SIMD_STEP + r : 0]);
		if (metric == VEXFS_METRIC_COSINE)
			inverse[r] = inverse_at(pieced, gather, list[r < count ? r : 0]);
	}
	sums(term_of(metric), gather->query, rows, next, stride, v);
#pragma GCC unroll 16
	for (r = 0; r < SIMD_STEP; r += 4) {
		far = finish(metric, v[r / 4], query_inverse, load4(metric, inverse, r));
		__builtin_memcpy(order + r, &far, sizeof(far));
	}
#pragma GCC unroll 16
	for (r = 0; r < SIMD_STEP; r++)
		if (r < count)
			keys[r] = key(order[r], list[r]);
}

static __always_inline void gather_all(u32 metric, bool pieced,
				       const struct vexfs_gather *gather, u64 *keys)
{
	const u32 *list = gather->list;
	u32 left;

	for (left = gather->count; left >= SIMD_STEP; left -= SIMD_STEP) {
		gather_step(metric, pieced, gather, list, SIMD_STEP, left, keys);
		list += SIMD_STEP;
		keys += SIMD_STEP;
	}
	if (left)
		gather_step(metric, pieced, gather, list, left, left, keys);
}

/* The sums themselves or, of lengths, one over their root. */
static __always_inline void each_row(enum term term, const struct vexfs_scan *scan, u32 *out)
{
	const u32 *rows[SIMD_STEP];
	simd4_t v[SIMD_STEP / 4], n;
	float root[4];
	u32 done, count, i, j;
	mask4_t usable;

	for (done = 0; done < scan->count; done += SIMD_STEP) {
		count = scan->count - done < SIMD_STEP ? scan->count - done : SIMD_STEP;
#pragma GCC unroll 16
		for (i = 0; i < SIMD_STEP; i++)
			rows[i] = scan->rows +
				  (size_t)(done + (i < count ? i : count - 1)) * scan->stride;
		sums(term, scan->query, rows, NULL, scan->stride, v);
		for (i = 0; i < SIMD_STEP / 4 && term == LENGTH; i++) {
			n = v[i];
			usable = (mask4_t)(n != 0) & (mask4_t)(n != __builtin_inff());
			__builtin_memcpy(root, &n, sizeof(n));
#pragma GCC unroll 4
			for (j = 0; j < 4; j++)
				root[j] = __builtin_sqrtf(root[j]);
			__builtin_memcpy(&n, root, sizeof(n));
			v[i] = (simd4_t)((mask4_t)(1 / n) & usable);
		}
		__builtin_memcpy(out + done, v, count * sizeof(*out));
	}
}

static u32 scan_l2(const struct vexfs_scan *args, u64 *near)
{
	return scan(VEXFS_METRIC_L2, args, near);
}

static u32 scan_ip(const struct vexfs_scan *args, u64 *near)
{
	return scan(VEXFS_METRIC_IP, args, near);
}

static u32 scan_cosine(const struct vexfs_scan *args, u64 *near)
{
	return scan(VEXFS_METRIC_COSINE, args, near);
}

/* Those by a table are functions of their own: both in one have too large a frame for KASAN. */
static noinline void gather_pieces_l2(const struct vexfs_gather *args, u64 *keys)
{
	gather_all(VEXFS_METRIC_L2, true, args, keys);
}

static noinline void gather_pieces_ip(const struct vexfs_gather *args, u64 *keys)
{
	gather_all(VEXFS_METRIC_IP, true, args, keys);
}

static noinline void gather_pieces_cosine(const struct vexfs_gather *args, u64 *keys)
{
	gather_all(VEXFS_METRIC_COSINE, true, args, keys);
}

static void gather_l2(const struct vexfs_gather *args, u64 *keys)
{
	if (args->pieces)
		gather_pieces_l2(args, keys);
	else
		gather_all(VEXFS_METRIC_L2, false, args, keys);
}

static void gather_ip(const struct vexfs_gather *args, u64 *keys)
{
	if (args->pieces)
		gather_pieces_ip(args, keys);
	else
		gather_all(VEXFS_METRIC_IP, false, args, keys);
}

static void gather_cosine(const struct vexfs_gather *args, u64 *keys)
{
	if (args->pieces)
		gather_pieces_cosine(args, keys);
	else
		gather_all(VEXFS_METRIC_COSINE, false, args, keys);
}

static void products(const struct vexfs_scan *args, u32 *out)
{
	each_row(PRODUCT, args, out);
}

static void inverses(const struct vexfs_scan *args, u32 *out)
{
	each_row(LENGTH, args, out);
}

const struct vexfs_distance_ops SIMD_OPS = {
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

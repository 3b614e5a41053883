/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scan for one vector register width.  The file that includes this defines
 *
 *	SIMD_BYTES	bytes of a register
 *	SIMD_ROWS	rows whose sums fit into the registers together; more rows
 *			hide more of the latency of the additions
 *	SIMD_SCAN	name of the function
 *
 * GCC's vector extensions are used rather than intrinsics, whose headers are
 * not for kernel code.  The sums of a row stay in SIMD_PARTS registers; halving
 * them down to four lanes is the upper part of the tree of the arithmetic for
 * each width, so that all give the same bits.
 */
#include "distance.h"

/* Sparse takes a vector for one of its elements. */
#ifdef __CHECKER__
#define __builtin_shufflevector(a, b, ...)	((void)(b), (a))
#define __builtin_ia32_movmskps(a)		((u32)(a))
#endif

#define SIMD_LANES	(SIMD_BYTES / 4)
#define SIMD_PARTS	(VEXFS_LANES / SIMD_LANES)
/* Four rows are reduced to their distances together. */
#define SIMD_STEP	(SIMD_ROWS > 4 ? SIMD_ROWS : 4)

/*
 * Steps of the arithmetic, cache lines that is, that are asked for in advance,
 * in the order of memory: the prefetchers of the hardware do not follow rows
 * that are read side by side well.
 */
#define SIMD_AHEAD	64

/* Vectors of SIMD_LANES, 8 and 4 lanes. */
#define simd_t		float __attribute__((vector_size(SIMD_BYTES)))
#define simd8_t		float __attribute__((vector_size(32)))
#define simd4_t		float __attribute__((vector_size(16)))
#define mask4_t		int __attribute__((vector_size(16)))

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

/* Folds the sums of SIMD_ROWS rows that lie @pitch elements apart. */
static __always_inline void accumulate(const u32 *query, const u32 *rows,
				       size_t pitch, size_t stride, simd4_t *u)
{
	simd_t sum[SIMD_ROWS][SIMD_PARTS];
	simd_t q[SIMD_PARTS], d;
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
			__builtin_prefetch(rows + SIMD_ROWS * b + (SIMD_AHEAD + r) * VEXFS_LANES);
#pragma GCC unroll 16
		for (p = 0; p < SIMD_PARTS; p++)
			q[p] = *(const simd_t *)(query + b + p * SIMD_LANES);
#pragma GCC unroll 16
		for (r = 0; r < SIMD_ROWS; r++) {
#pragma GCC unroll 16
			for (p = 0; p < SIMD_PARTS; p++) {
				d = q[p] - *(const simd_t *)(rows + r * pitch + b + p * SIMD_LANES);
				sum[r][p] += d * d;
			}
		}
		b += VEXFS_LANES;
	} while (b < stride);

#pragma GCC unroll 16
	for (r = 0; r < SIMD_ROWS; r++)
		u[r] = fold(sum[r]);
}

/* The distances of four rows: the last two steps of the tree, transposed. */
static __always_inline simd4_t distances(const simd4_t *u)
{
	simd4_t v01 = __builtin_shufflevector(u[0], u[1], 0, 1, 4, 5) +
		      __builtin_shufflevector(u[0], u[1], 2, 3, 6, 7);
	simd4_t v23 = __builtin_shufflevector(u[2], u[3], 0, 1, 4, 5) +
		      __builtin_shufflevector(u[2], u[3], 2, 3, 6, 7);

	return __builtin_shufflevector(v01, v23, 0, 2, 4, 6) +
	       __builtin_shufflevector(v01, v23, 1, 3, 5, 7);
}

/* Writes the keys of those of SIMD_STEP rows that are nearer than the limit. */
static __always_inline u64 *step(const u32 *query, const u32 *rows, size_t stride,
				 u32 first, mask4_t limit, u64 *near)
{
	simd4_t u[SIMD_STEP], d;
	u32 bits[4], hits, i;
	int r;

#pragma GCC unroll 16
	for (r = 0; r < SIMD_STEP; r += SIMD_ROWS)
		accumulate(query, rows + r * stride, stride, stride, u + r);

#pragma GCC unroll 16
	for (r = 0; r < SIMD_STEP; r += 4) {
		d = distances(u + r);
		hits = __builtin_ia32_movmskps((simd4_t)((mask4_t)d < limit));
		if (__builtin_expect(!hits, 1))
			continue;
		__builtin_memcpy(bits, &d, sizeof(bits));
		for (i = 0; i < 4; i++)
			if (hits & 1U << i)
				*near++ = (u64)bits[i] << 32 | (first + r + i);
	}
	return near;
}

/* The distance of one row: SIMD_ROWS times the same, of which one counts. */
static __always_inline u32 distance_bits(const u32 *query, const u32 *row, size_t stride)
{
	simd4_t u[SIMD_STEP] = { 0 }, d;
	u32 bits;

	accumulate(query, row, 0, stride, u);
	d = distances(u);
	__builtin_memcpy(&bits, &d, sizeof(bits));
	return bits;
}

u32 SIMD_SCAN(const struct vexfs_scan *scan, u64 *near)
{
	const mask4_t limit = (mask4_t){ 0 } + (int)scan->limit;
	const u32 end = scan->first + scan->count;
	const size_t stride = scan->stride;
	const u32 *query = scan->query;
	const u32 *rows = scan->rows;
	u32 first = scan->first;
	u64 *next = near;
	u32 bits;

	for (; end - first >= SIMD_STEP; first += SIMD_STEP) {
		next = step(query, rows, stride, first, limit, next);
		rows += SIMD_STEP * stride;
	}
	for (; first < end; first++) {
		bits = distance_bits(query, rows, stride);
		if (bits < scan->limit)
			*next++ = (u64)bits << 32 | first;
		rows += stride;
	}
	return next - near;
}

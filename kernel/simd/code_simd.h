/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The code distances for one vector register width.  The file that includes this
 * defines SIMD_BYTES, the bytes of a register, and SIMD_OPS, the name of the table.
 *
 * Codes are widened to 16 bits, of which PMADDWD multiplies and adds pairs: the
 * query's come widened.  Four nodes are compared at a time.
 */
#include "simd/simd.h"

/* Sparse takes a vector for one of its elements. */
#ifdef __CHECKER__
#define __builtin_shufflevector(a, b, ...)	((void)(b), (a))
#define __builtin_ia32_movmskps(a)		((u32)(a))
#define madd(a, b)				((int)((a) * (b)))
#elif SIMD_BYTES == 16
#define madd(a, b)	__builtin_ia32_pmaddwd128(a, b)
#elif SIMD_BYTES == 32
#define madd(a, b)	__builtin_ia32_pmaddwd256(a, b)
#elif defined(__clang__)
#define madd(a, b)	__builtin_ia32_pmaddwd512(a, b)
#else
#define madd(a, b)	__builtin_ia32_pmaddwd512_mask(a, b, (sum_t){ 0 }, 0xffff)
#endif

/* GCC 12 makes six instructions of __builtin_convertvector(). */
#ifdef __CHECKER__
#define sign_extend(a)	((short)(a))
#elif defined(__clang__)
#define sign_extend(a)	__builtin_convertvector(a, wide_t)
#elif SIMD_BYTES == 32
#define sign_extend(a)	__builtin_ia32_pmovsxbw256(a)
#else
#define sign_extend(a)	__builtin_ia32_pmovsxbw512_mask(a, (wide_t){ 0 }, 0xffffffff)
#endif

/* 16-bit codes and 32-bit sums of a register, and half a register of codes. */
#define SIMD_STEP	(SIMD_BYTES / 2)
#define wide_t		short __attribute__((vector_size(SIMD_BYTES)))
#define sum_t		int __attribute__((vector_size(SIMD_BYTES)))
#define narrow_t	char __attribute__((vector_size(SIMD_STEP)))
#define bytes_t		signed char __attribute__((vector_size(16)))
#define sum8_t		int __attribute__((vector_size(32)))
#define sum4_t		int __attribute__((vector_size(16)))
#define float4_t	float __attribute__((vector_size(16)))

/* Of each 16 bytes of a and of b: the lower and upper halves; the even and odd integers. */
#define quad_t		long long __attribute__((vector_size(SIMD_BYTES)))
#if SIMD_BYTES == 16
#define LOW(a, b)	__builtin_shufflevector((quad_t)(a), (quad_t)(b), 0, 2)
#define HIGH(a, b)	__builtin_shufflevector((quad_t)(a), (quad_t)(b), 1, 3)
#define EVEN(a, b)	__builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODD(a, b)	__builtin_shufflevector(a, b, 1, 3, 5, 7)
#elif SIMD_BYTES == 32
#define LOW(a, b)	__builtin_shufflevector((quad_t)(a), (quad_t)(b), 0, 4, 2, 6)
#define HIGH(a, b)	__builtin_shufflevector((quad_t)(a), (quad_t)(b), 1, 5, 3, 7)
#define EVEN(a, b)	__builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14)
#define ODD(a, b)	__builtin_shufflevector(a, b, 1, 3, 9, 11, 5, 7, 13, 15)
#else
#define LOW(a, b)	__builtin_shufflevector((quad_t)(a), (quad_t)(b), \
						0, 8, 2, 10, 4, 12, 6, 14)
#define HIGH(a, b)	__builtin_shufflevector((quad_t)(a), (quad_t)(b), \
						1, 9, 3, 11, 5, 13, 7, 15)
#define EVEN(a, b)	__builtin_shufflevector(a, b, 0, 2, 16, 18, 4, 6, 20, 22, \
						8, 10, 24, 26, 12, 14, 28, 30)
#define ODD(a, b)	__builtin_shufflevector(a, b, 1, 3, 17, 19, 5, 7, 21, 23, \
						9, 11, 25, 27, 13, 15, 29, 31)
#endif

#define NODES	4

static __always_inline wide_t widen(const s8 *codes)
{
#if SIMD_BYTES == 16
	/* SSE2 has no instruction for it: each code becomes the upper half of its own. */
	bytes_t x = { 0 };

	__builtin_memcpy(&x, codes, SIMD_STEP);
	x = __builtin_shufflevector(x, x, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
	return (wide_t)x >> 8;
#else
	return (wide_t)sign_extend(*(const narrow_t *)codes);
#endif
}

/*
 * The sums of four nodes from theirs in all lanes: the last steps are transposed, in
 * each 16 bytes of a register.  Integers may be added in any order.
 */
static __always_inline sum4_t reduce(const sum_t *sum)
{
	sum_t s01 = (sum_t)LOW(sum[0], sum[1]) + (sum_t)HIGH(sum[0], sum[1]);
	sum_t s23 = (sum_t)LOW(sum[2], sum[3]) + (sum_t)HIGH(sum[2], sum[3]);
	sum_t s = EVEN(s01, s23) + ODD(s01, s23);
#if SIMD_BYTES == 64
	sum8_t t = __builtin_shufflevector(s, s, 0, 1, 2, 3, 4, 5, 6, 7) +
		   __builtin_shufflevector(s, s, 8, 9, 10, 11, 12, 13, 14, 15);
#elif SIMD_BYTES == 32
	sum8_t t = s;
#endif
#if SIMD_BYTES >= 32
	return __builtin_shufflevector(t, t, 0, 1, 2, 3) +
	       __builtin_shufflevector(t, t, 4, 5, 6, 7);
#else
	return s;
#endif
}

/* The distances of four nodes. */
static __always_inline sum4_t distances(bool l2, const s16 *query, const s8 *const *codes,
					size_t stride)
{
	sum_t sum[NODES];
	sum4_t v;
	wide_t q, x;
	size_t b = 0;
	int r, j;

#pragma GCC unroll 4
	for (r = 0; r < NODES; r++)
		sum[r] = (sum_t){ 0 };

	do {
#pragma GCC unroll 8
		for (j = 0; j < VEXFS_CODES; j += SIMD_STEP) {
			q = *(const wide_t *)(query + b + j);
#pragma GCC unroll 4
			for (r = 0; r < NODES; r++) {
				x = widen(codes[r] + b + j);
				if (l2) {
					x = q - x;
					sum[r] += madd(x, x);
				} else {
					sum[r] += madd(x, q);
				}
			}
		}
		b += VEXFS_CODES;
	} while (b < stride);

	v = reduce(sum);
	return l2 ? v : (int)VEXFS_CODE_BIAS - v;
}

/* Writes the keys of those of the first @count of four nodes that are near enough. */
static __always_inline u64 *keep(sum4_t far, u32 limit, const u32 *nodes, u32 count, u64 *near)
{
	u32 hits = __builtin_ia32_movmskps((float4_t)(far < (int)limit));
	u32 bits[NODES], i;

	hits &= (1U << count) - 1;
	if (!hits)
		return near;
	__builtin_memcpy(bits, &far, sizeof(bits));
	for (; hits; hits &= hits - 1) {
		i = __builtin_ctz(hits);
		*near++ = (u64)bits[i] << 32 | nodes[i];
	}
	return near;
}

static __always_inline u32 scan(bool l2, const struct vexfs_code_scan *scan, u64 *near)
{
	const u32 end = scan->first + scan->count;
	const size_t stride = scan->stride;
	const s8 *row = scan->codes + scan->first * stride;
	u32 nodes[NODES], node, count, i;
	const s8 *codes[NODES];
	u64 *next = near;
	sum4_t far;

	for (node = scan->first; node < end; node += count) {
		count = end - node < NODES ? end - node : NODES;
#pragma GCC unroll 4
		for (i = 0; i < NODES; i++) {
			nodes[i] = node + i;
			codes[i] = row + (i < count ? i : 0) * stride;
		}
		far = distances(l2, scan->query, codes, stride);
		next = keep(far, scan->limit, nodes, count, next);
		row += NODES * stride;
	}
	return next - near;
}

static __always_inline u32 gather(bool l2, const struct vexfs_code_scan *scan, u64 *near)
{
	const size_t stride = scan->stride;
	const s8 *codes[NODES];
	const u32 *list = scan->list;
	u32 count, left, i;
	u64 *next = near;
	sum4_t far;

	for (left = scan->count; left; left -= count, list += count) {
		count = left < NODES ? left : NODES;
#pragma GCC unroll 4
		for (i = 0; i < NODES; i++)
			codes[i] = scan->codes + list[i < count ? i : 0] * stride;
		far = distances(l2, scan->query, codes, stride);
		next = keep(far, scan->limit, list, count, next);
	}
	return next - near;
}

static u32 scan_l2(const struct vexfs_code_scan *args, u64 *near)
{
	return scan(true, args, near);
}

static u32 scan_dot(const struct vexfs_code_scan *args, u64 *near)
{
	return scan(false, args, near);
}

static u32 gather_l2(const struct vexfs_code_scan *args, u64 *near)
{
	return gather(true, args, near);
}

static u32 gather_dot(const struct vexfs_code_scan *args, u64 *near)
{
	return gather(false, args, near);
}

const struct vexfs_code_ops SIMD_OPS = {
	.scan_l2 = scan_l2,
	.scan_dot = scan_dot,
	.gather_l2 = gather_l2,
	.gather_dot = gather_dot,
};

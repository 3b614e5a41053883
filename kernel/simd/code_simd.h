/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The code distances for one vector register width.  The file that includes this
 * defines SIMD_BYTES, the bytes of a register, and SIMD_OPS, the name of the table.
 *
 * Codes are widened to 16 bits, of which PMADDWD multiplies and adds pairs: the
 * query's come widened.  Four nodes are compared at a time.
 */
#include "simd/simd.h"
#include "simd/code_sums.h"

/* Sparse takes a vector for one of its elements. */
#ifdef __CHECKER__
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

/* 16-bit codes of a register, and half a register of codes. */
#define SIMD_STEP	(SIMD_BYTES / 2)
#define wide_t		short __attribute__((vector_size(SIMD_BYTES)))
#define narrow_t	char __attribute__((vector_size(SIMD_STEP)))
#define bytes_t		signed char __attribute__((vector_size(16)))

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

/* The distances of four nodes. */
static __always_inline sum4_t distances(bool l2, const void *query, const s8 *const *codes,
					size_t stride)
{
	const s16 *wide = query;
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
			q = *(const wide_t *)(wide + b + j);
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

/* The query's codes are wanted as they are. */
#define SIMD_PREPARE	NULL

#include "simd/code_walk.h"

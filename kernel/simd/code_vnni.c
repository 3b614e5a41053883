// SPDX-License-Identifier: GPL-2.0-only
/*
 * The code distances in AVX-512 with VNNI.  VPDPBUSD multiplies 64 bytes without a sign by
 * 64 with one, and adds the products up in 32 bits, which is exact: a sum is below 2^28.
 * Of codes x of a node and q of the query
 *
 *	x * q   = (x + 128) * q - 128 * q
 *	(q-x)^2 = |x| * |x| - 2 * (x + 128) * q + q * q + 256 * q
 *
 * where what depends on q alone is added up once.  No code is -128.
 */
#define SIMD_BYTES	64
#define SIMD_OPS	vexfs_code_vnni

#include <linux/types.h>

#include "simd/code_sums.h"
#include "simd/simd.h"

/* Sparse takes a vector for one of its elements. */
#ifdef __CHECKER__
#define dot4(sum, a, b)		((sum) + (int)((a) * (b)))
#define magnitude(a)		(a)
#elif defined(__clang__)
#define dot4(sum, a, b)		__builtin_ia32_vpdpbusd512(sum, (sum_t)(a), (sum_t)(b))
#define magnitude(a)		__builtin_elementwise_abs(a)
#else
#define dot4(sum, a, b)		__builtin_ia32_vpdpbusd_v16si(sum, (sum_t)(a), (sum_t)(b))
#define magnitude(a)		__builtin_ia32_pabsb512_mask(a, (codes_t){ 0 }, ~0ULL)
#endif

#ifdef __CHECKER__
#define codes_t		signed char
#else
#define codes_t		char __attribute__((vector_size(SIMD_BYTES)))
#endif

/* Behind the codes of a prepared query. */
struct constants {
	s32 l2;		/* added to what a node gives */
	s32 dot;	/* from which that is subtracted */
};

/* The codes lose their upper halves where they lie, and the constants find room. */
static void prepare(void *query, u32 stride)
{
	struct constants *constants = query + stride;
	const s16 *wide = query;
	s32 sum = 0, squares = 0;
	s8 *narrow = query;
	u32 i;

	for (i = 0; i < stride; i++) {
		sum += wide[i];
		squares += wide[i] * wide[i];
		narrow[i] = wide[i];
	}
	constants->l2 = squares + 256 * sum;
	constants->dot = (s32)VEXFS_CODE_BIAS + 128 * sum;
}

/* The distances of four nodes. */
static __always_inline sum4_t distances(bool l2, const void *query, const s8 *const *codes,
					size_t stride)
{
	const struct constants *constants = query + stride;
	sum_t dot[NODES], square[NODES];
	codes_t x, q;
	sum4_t v;
	size_t b;
	int r;

#pragma GCC unroll 4
	for (r = 0; r < NODES; r++) {
		dot[r] = (sum_t){ 0 };
		square[r] = (sum_t){ 0 };
	}

	for (b = 0; b < stride; b += VEXFS_CODES) {
		q = *(const codes_t *)(query + b);
#pragma GCC unroll 4
		for (r = 0; r < NODES; r++) {
			x = *(const codes_t *)(codes[r] + b);
			if (l2) {
				codes_t size = magnitude(x);

				square[r] = dot4(square[r], size, size);
			}
			/* Another sign bit is 128 more. */
			dot[r] = dot4(dot[r], x ^ (char)0x80, q);
		}
	}

	if (l2) {
#pragma GCC unroll 4
		for (r = 0; r < NODES; r++)
			dot[r] = square[r] - dot[r] - dot[r];
	}
	v = reduce(dot);
	return l2 ? v + constants->l2 : constants->dot - v;
}

#define SIMD_PREPARE	prepare

#include "simd/code_walk.h"

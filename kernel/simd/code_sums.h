/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sums of 32-bit integers in one vector register width, four registers at a time.  The
 * file that includes this defines SIMD_BYTES, the bytes of a register.
 */

/* Sparse takes a vector for one of its elements. */
#ifdef __CHECKER__
#define __builtin_shufflevector(a, b, ...)	((void)(b), (a))
#endif

#define sum_t		int __attribute__((vector_size(SIMD_BYTES)))
#define sum8_t		int __attribute__((vector_size(32)))
#define sum4_t		int __attribute__((vector_size(16)))

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

/* Nodes that are compared at a time. */
#define NODES	4

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

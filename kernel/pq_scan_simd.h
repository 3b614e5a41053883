/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scan of 4-bit codes for one vector register width (Andre, Kermarrec & Le
 * Scouarnec 2015).  The file that includes this defines SIMD_BYTES, the bytes of a
 * register, and SIMD_SCAN, the name of the function.
 *
 * PSHUFB looks up sixteen codes at a time in a table of sixteen bytes.  A register has
 * the codes of the 32 rows of a group for one pair of sub-quantizers, or for two.
 */
#include "simd.h"

#define byte_t		char __attribute__((vector_size(SIMD_BYTES)))
#define word_t		unsigned short __attribute__((vector_size(SIMD_BYTES)))
#define quad_t		unsigned long long __attribute__((vector_size(SIMD_BYTES)))
#define byte32_t	char __attribute__((vector_size(32)))
#define word32_t	unsigned short __attribute__((vector_size(32)))
#define quad32_t	unsigned long long __attribute__((vector_size(32)))

/* Sparse takes a vector for one of its elements. */
#ifdef __CHECKER__
#define __builtin_shufflevector(a, b, ...)	((void)(b), (a))
#define __builtin_ia32_pmovmskb256(a)		((u32)(a))
#define look_up32(table, codes)			((char)((table) + (codes)))
#define look_up(table, codes)			((char)((table) + (codes)))
#else
#define look_up32(table, codes)	__builtin_ia32_pshufb256(table, codes)
#if SIMD_BYTES == 32
#define look_up(table, codes)	look_up32(table, codes)
#elif defined(__clang__)
#define look_up(table, codes)	__builtin_ia32_pshufb512(table, codes)
#else
#define look_up(table, codes)	\
	__builtin_ia32_pshufb512_mask(table, codes, (byte_t){ 0 }, ~0ULL)
#endif
#endif

/*
 * Sums of the 32 rows: as 16-bit integers they hold an even row in the lower byte
 * and an odd one in the upper byte, so that @both is the sum of the even rows and,
 * modulo 2^16, 256 times that of the odd ones, which @odd has alone.
 */
struct sums {
	word32_t both;
	word32_t odd;
};

/* Adds one pair of sub-quantizers. */
static __always_inline void add_pair(struct sums *sums, const u8 *codes, const u8 *table)
{
	quad32_t tables;
	word32_t byte, low, high;

	__builtin_memcpy(&byte, codes, sizeof(byte));
	__builtin_memcpy(&tables, table, sizeof(tables));
	low = (word32_t)look_up32((byte32_t)__builtin_shufflevector(tables, tables, 0, 1, 0, 1),
				  (byte32_t)(byte & 0x0f0f));
	high = (word32_t)look_up32((byte32_t)__builtin_shufflevector(tables, tables, 2, 3, 2, 3),
				   (byte32_t)(byte >> 4 & 0x0f0f));
	sums->both += low;
	sums->both += high;
	sums->odd += low >> 8;
	sums->odd += high >> 8;
}

static __always_inline struct sums sum_group(const u8 *codes, const u8 *table, u32 pairs)
{
	struct sums sums = { };
	u32 p = 0;

#if SIMD_BYTES == 64
	word_t both = { 0 }, odd = { 0 }, byte, low, high;
	quad_t tables;

	for (; p + 2 <= pairs; p += 2) {
		__builtin_memcpy(&byte, codes + 32 * p, sizeof(byte));
		tables = *(const quad_t *)(table + 32 * p);
		low = (word_t)look_up((byte_t)__builtin_shufflevector(tables, tables, 0, 1, 0, 1,
								      4, 5, 4, 5),
				      (byte_t)(byte & 0x0f0f));
		high = (word_t)look_up((byte_t)__builtin_shufflevector(tables, tables, 2, 3, 2, 3,
								       6, 7, 6, 7),
				       (byte_t)(byte >> 4 & 0x0f0f));
		both += low;
		both += high;
		odd += low >> 8;
		odd += high >> 8;
	}
	sums.both = (word32_t)__builtin_shufflevector((quad_t)both, (quad_t)both, 0, 1, 2, 3) +
		    (word32_t)__builtin_shufflevector((quad_t)both, (quad_t)both, 4, 5, 6, 7);
	sums.odd = (word32_t)__builtin_shufflevector((quad_t)odd, (quad_t)odd, 0, 1, 2, 3) +
		   (word32_t)__builtin_shufflevector((quad_t)odd, (quad_t)odd, 4, 5, 6, 7);
#endif
	for (; p < pairs; p++)
		add_pair(&sums, codes + 32 * p, table + 32 * p);
	return sums;
}

/* Writes the keys of the rows of a group that are near enough. */
static __always_inline u64 *keep(const struct sums *sums, u32 limit, u32 first, u64 *near)
{
	word32_t even = sums->both - (sums->odd << 8);
	word32_t low = (word32_t)(even < (unsigned short)limit) & 0x00ff;
	word32_t high = (word32_t)(sums->odd < (unsigned short)limit) & 0xff00;
	u32 hits = __builtin_ia32_pmovmskb256((byte32_t)(low | high));
	unsigned short sum[2][16];
	u32 r;

	if (__builtin_expect(!hits, 1))
		return near;
	__builtin_memcpy(sum[0], &even, sizeof(even));
	__builtin_memcpy(sum[1], &sums->odd, sizeof(sums->odd));
	for (; hits; hits &= hits - 1) {
		r = __builtin_ctz(hits);
		*near++ = (u64)sum[r & 1][r / 2] << 32 | (first + r);
	}
	return near;
}

u32 SIMD_SCAN(const struct vexfs_pq_scan *scan, u64 *near)
{
	const size_t bytes = (size_t)scan->pairs * VEXFS_PQ_GROUP;
	const u8 *codes = scan->codes;
	u32 first = scan->first;
	u64 *next = near;
	struct sums sums;
	u32 left;

	for (left = scan->groups; left; left--) {
		sums = sum_group(codes, scan->table, scan->pairs);
		next = keep(&sums, scan->limit, first, next);
		first += VEXFS_PQ_GROUP;
		codes += bytes;
	}
	return next - near;
}

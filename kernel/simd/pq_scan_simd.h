/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scan of 4-bit codes for one vector register width (Andre, Kermarrec & Le
 * Scouarnec 2015).  The file that includes this defines SIMD_BYTES, the bytes of a
 * register, and SIMD_SCAN, the name of the function.
 *
 * PSHUFB looks up sixteen codes at a time in a table of sixteen bytes.  A register has
 * the codes of the 32 rows of a group for one pair of sub-quantizers, or for two.
 */
#include "simd/simd.h"

#define byte_t		char __attribute__((vector_size(SIMD_BYTES)))
#define word_t		unsigned short __attribute__((vector_size(SIMD_BYTES)))
#define quad_t		unsigned long long __attribute__((vector_size(SIMD_BYTES)))
#define byte32_t	char __attribute__((vector_size(32)))
#define word32_t	unsigned short __attribute__((vector_size(32)))
#define quad16_t	unsigned long long __attribute__((vector_size(16)))

/* Groups that are summed up at once. */
#define MOST_GROUPS	4

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

#if SIMD_BYTES == 64
static __always_inline word32_t halves(word_t sums)
{
	quad_t quads = (quad_t)sums;

	return (word32_t)__builtin_shufflevector(quads, quads, 0, 1, 2, 3) +
	       (word32_t)__builtin_shufflevector(quads, quads, 4, 5, 6, 7);
}
#endif

/* Looks up one pair of sub-quantizers: @low and @high are its tables, in each 16 bytes. */
static __always_inline void add_pair(struct sums *sums, const u8 *codes, byte32_t low,
				     byte32_t high)
{
	word32_t byte, first, second;

	__builtin_memcpy(&byte, codes, sizeof(byte));
	first = (word32_t)look_up32(low, (byte32_t)(byte & 0x0f0f));
	second = (word32_t)look_up32(high, (byte32_t)(byte >> 4 & 0x0f0f));
	sums->both += first;
	sums->both += second;
	sums->odd += first >> 8;
	sums->odd += second >> 8;
}

/* The same 16 bytes twice. */
static __always_inline byte32_t twice(const u8 *table)
{
	quad16_t sixteen = *(const quad16_t *)table;

	return (byte32_t)__builtin_shufflevector(sixteen, sixteen, 0, 1, 0, 1);
}

/* Sums up @groups groups, which lie @bytes apart: they share the tables that are loaded. */
static __always_inline void sum_groups(const u8 *codes, size_t bytes, const u8 *table, u32 pairs,
				       struct sums *sums, int groups)
{
	const u8 *end = table + 32 * (size_t)pairs;
	byte32_t low, high;
	int g;

#if SIMD_BYTES == 64
	word_t both[MOST_GROUPS], odd[MOST_GROUPS], byte, first, second;
	byte_t low2, high2;
	quad_t tables;

#pragma GCC unroll 4
	for (g = 0; g < groups; g++) {
		both[g] = (word_t){ 0 };
		odd[g] = (word_t){ 0 };
	}
	for (; end - table >= 64; table += 64, codes += 64) {
		tables = *(const quad_t *)table;
		low2 = (byte_t)__builtin_shufflevector(tables, tables, 0, 1, 0, 1, 4, 5, 4, 5);
		high2 = (byte_t)__builtin_shufflevector(tables, tables, 2, 3, 2, 3, 6, 7, 6, 7);
#pragma GCC unroll 4
		for (g = 0; g < groups; g++) {
			__builtin_memcpy(&byte, codes + g * bytes, sizeof(byte));
			first = (word_t)look_up(low2, (byte_t)(byte & 0x0f0f));
			second = (word_t)look_up(high2, (byte_t)(byte >> 4 & 0x0f0f));
			both[g] += first;
			both[g] += second;
			odd[g] += first >> 8;
			odd[g] += second >> 8;
		}
	}
#pragma GCC unroll 4
	for (g = 0; g < groups; g++) {
		sums[g].both = halves(both[g]);
		sums[g].odd = halves(odd[g]);
	}
#else
#pragma GCC unroll 4
	for (g = 0; g < groups; g++)
		sums[g] = (struct sums){ };
#endif
	for (; table < end; table += 32, codes += 32) {
		low = twice(table);
		high = twice(table + 16);
#pragma GCC unroll 4
		for (g = 0; g < groups; g++)
			add_pair(&sums[g], codes + g * bytes, low, high);
	}
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
	struct sums sums[MOST_GROUPS];
	const u8 *codes = scan->codes;
	u32 left = scan->groups;
	u32 first = scan->first;
	u64 *next = near;
	int g;

	for (; left >= MOST_GROUPS; left -= MOST_GROUPS) {
		sum_groups(codes, bytes, scan->table, scan->pairs, sums, MOST_GROUPS);
#pragma GCC unroll 4
		for (g = 0; g < MOST_GROUPS; g++) {
			next = keep(&sums[g], scan->limit, first, next);
			first += VEXFS_PQ_GROUP;
		}
		codes += MOST_GROUPS * bytes;
	}
	for (; left; left--) {
		sum_groups(codes, bytes, scan->table, scan->pairs, sums, 1);
		next = keep(sums, scan->limit, first, next);
		first += VEXFS_PQ_GROUP;
		codes += bytes;
	}
	return next - near;
}

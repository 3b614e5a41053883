// SPDX-License-Identifier: GPL-2.0-only
/*
 * Vectors of four lanes, which every x86-64 has: lanes do not mix, so that each gives what
 * docs/search.md says of one element.
 */
#include <linux/compiler.h>
#include <linux/math.h>
#include <linux/string.h>

#include "search/query.h"
#include "simd/simd.h"
#include "uapi/vexfs.h"

#define float4_t	float __attribute__((vector_size(16)))
#define int4_t		int __attribute__((vector_size(16)))
#define short8_t	short __attribute__((vector_size(16)))
#define char16_t	char __attribute__((vector_size(16)))

/* Sparse takes a vector for one of its elements. */
#ifdef __CHECKER__
#define __builtin_ia32_minps(a, b)		((a) + (b))
#define __builtin_ia32_maxps(a, b)		((a) + (b))
#define __builtin_ia32_packssdw128(a, b)	((short)((a) + (b)))
#define __builtin_ia32_packuswb128(a, b)	((char)((a) + (b)))
#endif

static float from_bits(u32 bits)
{
	float value;

	__builtin_memcpy(&value, &bits, sizeof(value));
	return value;
}

/*
 * Rounds to the nearest integer, ties to even, if that is between -2^22 and 2^22: in the
 * sum the last bit of the fraction is worth one.
 */
static __always_inline int4_t round4(float4_t x)
{
	return (int4_t)(x + 12582912.0f) - 0x4b400000;
}

/* Not by an addition of floats, which would lose the sign of a zero. */
static __always_inline float4_t splat_bits(u32 bits)
{
	return (float4_t)((int4_t){ 0 } + (int)bits);
}

static __always_inline float4_t splat(float x)
{
	u32 bits;

	__builtin_memcpy(&bits, &x, sizeof(bits));
	return splat_bits(bits);
}

static __always_inline float4_t load4(const u32 *elements)
{
	return *(const float4_t *)elements;
}

static __always_inline short8_t code8(float4_t a, float4_t b)
{
	const float4_t low = splat(-127), high = splat(127);

	a = __builtin_ia32_minps(__builtin_ia32_maxps(a, low), high);
	b = __builtin_ia32_minps(__builtin_ia32_maxps(b, low), high);
	return __builtin_ia32_packssdw128(round4(a), round4(b));
}

void vexfs_query_multiply(const u32 *elements, u32 factor, u32 count, u32 *out)
{
	const float4_t f = splat_bits(factor);
	u32 i;

	for (i = 0; i < count; i += 4)
		*(float4_t *)(out + i) = *(const float4_t *)(elements + i) * f;
}

void vexfs_query_code_l2(const u32 *elements, const u32 *offset, u32 scale, u32 count, s16 *out)
{
	const float4_t s = splat_bits(scale);
	float4_t a, b;
	u32 i;

	for (i = 0; i < count; i += 8) {
		a = load4(elements + i) - load4(offset + i);
		b = load4(elements + i + 4) - load4(offset + i + 4);
		*(short8_t *)(out + i) = code8(a * s, b * s);
	}
}

u32 vexfs_query_peak(const u32 *elements, u32 count, u32 peak)
{
	u32 i;

	/* The bits of positive floats order as the floats do. */
	for (i = 0; i < count; i++)
		if ((elements[i] & 0x7fffffff) > peak)
			peak = elements[i] & 0x7fffffff;
	return peak;
}

void vexfs_query_code_dot(const u32 *elements, u32 peak, u32 count, s16 *out)
{
	float4_t s = { 0 }, a, b;
	u32 i;

	/* Below 2^-100 all codes are 0. */
	if (peak >= 0x0d800000)
		s = splat(127 / from_bits(peak));

	for (i = 0; i < count; i += 8) {
		a = load4(elements + i);
		b = load4(elements + i + 4);
		*(short8_t *)(out + i) = code8(a * s, b * s);
	}
}

/* Whether any bit is set. */
static __always_inline bool any(int4_t x)
{
	u64 bits[2];

	__builtin_memcpy(bits, &x, sizeof(bits));
	return bits[0] | bits[1];
}

static __always_inline float lowest(float4_t x)
{
	float f[4], a, b;

	__builtin_memcpy(f, &x, sizeof(f));
	a = f[0] < f[1] ? f[0] : f[1];
	b = f[2] < f[3] ? f[2] : f[3];
	return a < b ? a : b;
}

static __always_inline float highest(float4_t x)
{
	float f[4], a, b;

	__builtin_memcpy(f, &x, sizeof(f));
	a = f[0] > f[1] ? f[0] : f[1];
	b = f[2] > f[3] ? f[2] : f[3];
	return a > b ? a : b;
}

/* The sums of t[s] of docs/search.md, begun or continued. */
static __always_inline void add_terms(bool l2, const u32 *elements, const float4_t *codebook,
				      u32 sub, bool begin, float4_t *t)
{
	float4_t sum[4], y, d;
	u32 j, c;

#pragma GCC unroll 4
	for (c = 0; c < 4; c++)
		sum[c] = begin ? (float4_t){ 0 } : t[c];
	for (j = 0; j < sub; j++, codebook += 4) {
		y = splat_bits(elements[j]);
#pragma GCC unroll 4
		for (c = 0; c < 4; c++) {
			if (l2) {
				d = y - codebook[c];
				sum[c] += d * d;
			} else {
				sum[c] += y * codebook[c];
			}
		}
	}
#pragma GCC unroll 4
	for (c = 0; c < 4; c++)
		t[c] = sum[c];
}

void vexfs_query_sums(bool l2, const u32 *elements, const u32 *codebook, u32 m, u32 sub,
		      bool begin, u32 *t)
{
	const float4_t *centroids = (const float4_t *)codebook;
	float4_t *out = (float4_t *)t;
	u32 s;

	if (l2)
		for (s = 0; s < m; s++)
			add_terms(true, elements + s * sub, centroids + s * sub * 4, sub, begin,
				  out + s * 4);
	else
		for (s = 0; s < m; s++)
			add_terms(false, elements + s * sub, centroids + s * sub * 4, sub, begin,
				  out + s * 4);
}

/* Makes distances of the sums.  Returns lanes that are not 0 if one is not finite. */
static __always_inline int4_t distances(bool l2, float4_t *t)
{
	int4_t bad = { 0 };
	u32 c;

#pragma GCC unroll 4
	for (c = 0; c < 4; c++) {
		if (!l2)
			t[c] = 0 - t[c];
		/* The difference is a NaN for an infinity and for a NaN. */
		bad |= (int4_t)(t[c] - t[c] != 0);
	}
	return bad;
}

static __always_inline void table(bool l2, u32 m, float4_t *t, char16_t *out)
{
	const float least = from_bits(0x0d800000);	/* 2^-100 */
	float4_t low, high, lo, scale = { 0 };
	int4_t bad = { 0 }, entry[4];
	float span = 0, nearest, distance;
	u32 s, c;

	for (s = 0; s < m; s++) {
		bad |= distances(l2, t + s * 4);
		low = __builtin_ia32_minps(__builtin_ia32_minps(t[4 * s], t[4 * s + 1]),
					   __builtin_ia32_minps(t[4 * s + 2], t[4 * s + 3]));
		high = __builtin_ia32_maxps(__builtin_ia32_maxps(t[4 * s], t[4 * s + 1]),
					    __builtin_ia32_maxps(t[4 * s + 2], t[4 * s + 3]));
		nearest = lowest(low);
		distance = highest(high) - nearest;
		span = distance > span ? distance : span;
		lo = splat(nearest);
		/* From here on only the distance from the nearest is wanted. */
#pragma GCC unroll 4
		for (c = 0; c < 4; c++)
			t[4 * s + c] -= lo;
	}
	/* The span may be infinite though no t is. */
	if (!any(bad) && span >= least && span < __builtin_inff())
		scale = splat(255 / span);
	else
		__builtin_memset(t, 0, m * 64);

	for (s = 0; s < m; s++) {
#pragma GCC unroll 4
		for (c = 0; c < 4; c++)
			entry[c] = round4(t[4 * s + c] * scale);
		/* Saturates at 255. */
		out[s] = __builtin_ia32_packuswb128(__builtin_ia32_packssdw128(entry[0], entry[1]),
						    __builtin_ia32_packssdw128(entry[2], entry[3]));
	}
}

void vexfs_query_table(bool l2, u32 m, u32 *t, u8 *out)
{
	if (l2)
		table(true, m, (float4_t *)t, (char16_t *)out);
	else
		table(false, m, (float4_t *)t, (char16_t *)out);
}

void vexfs_query_hash(const u32 *products, const u32 *bias, u32 count, struct vexfs_hash *out)
{
	const float most = 1048576;
	int4_t rounded;
	float v, f;
	u32 i;
	s32 h;

	for (i = 0; i < count; i++) {
		v = from_bits(products[i]) + from_bits(bias[i]);
		if (v != v)
			v = 0;
		v = v < -most ? -most : v > most ? most : v;
		h = (s32)v;
		if ((float)h > v)
			h--;
		f = (v - (float)h) * 1024;
		out[i].h = h;
		rounded = round4(splat(f));
		__builtin_memcpy(&out[i].s, &rounded, sizeof(out[i].s));
	}
}

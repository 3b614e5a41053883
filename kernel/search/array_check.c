// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "search/array_check.h"
#include "search/index.h"
#include "simd/fpu_section.h"
#include "simd/simd.h"

#define EXPONENT	0x7f800000U
#define SMALLEST_NORMAL	0x00800000U

/* Elements between two looks at whether others want to run. */
#define STRIDE		65536

int vexfs_check_permutation(const u32 *row_of, u32 rows)
{
	unsigned long *seen;
	int err = 0;
	u32 i;

	seen = kvcalloc(BITS_TO_LONGS((u64)rows), sizeof(long), VEXFS_GFP_INDEX);
	if (!seen)
		return -ENOMEM;
	for (i = 0; i < rows && !err; i++) {
		if (i % STRIDE == 0)
			err = vexfs_relax();
		/* Each below the number of rows, and none twice: then all are there. */
		if (row_of[i] >= rows || __test_and_set_bit(row_of[i], seen))
			err = -EUCLEAN;
	}
	kvfree(seen);
	return err;
}

int vexfs_check_below(const u32 *numbers, u64 count, u32 limit)
{
	u64 i, step;
	bool sound;
	int err;

	for (; count; count -= step, numbers += step) {
		err = vexfs_relax();
		if (err)
			return err;
		step = min_t(u64, count, STRIDE);
		sound = true;
		for (i = 0; i < step; i++)
			sound &= numbers[i] < limit;
		if (!sound)
			return -EUCLEAN;
	}
	return 0;
}

int vexfs_check_links(const u32 *links, u32 lists, u32 width, u32 limit)
{
	u32 list, i;
	bool sound;
	int err;

	for (list = 0; list < lists; list++, links += width) {
		if (list % (STRIDE / 256) == 0) {
			err = vexfs_relax();
			if (err)
				return err;
		}
		for (i = 0; i < width && links[i] != VEXFS_INDEX_NONE; i++)
			if (links[i] >= limit)
				return -EUCLEAN;
		for (sound = true; i < width; i++)
			sound &= links[i] == VEXFS_INDEX_NONE;
		if (!sound)
			return -EUCLEAN;
	}
	return 0;
}

int vexfs_check_starts(const u32 *starts, u32 lists, u32 last)
{
	int err = 0;
	u32 i;

	if (starts[0] || starts[lists] != last)
		return -EUCLEAN;
	for (i = 0; i < lists && !err; i++) {
		if (i % STRIDE == 0)
			err = vexfs_relax();
		if (starts[i] > starts[i + 1])
			err = -EUCLEAN;
	}
	return err;
}

static bool all_finite(const u32 *elements, u32 count)
{
	bool finite = true;
	u32 i;

	for (i = 0; i < count; i++)
		finite &= (elements[i] & EXPONENT) != EXPONENT;
	return finite;
}

int vexfs_check_finite(const u32 *elements, u64 count)
{
	u64 step;
	int err;

	for (; count; count -= step, elements += step) {
		err = vexfs_relax();
		if (err)
			return err;
		step = min_t(u64, count, STRIDE);
		if (!all_finite(elements, step))
			return -EUCLEAN;
	}
	return 0;
}

int vexfs_check_vectors(const u32 *elements, u64 rows, u32 dim)
{
	const u32 stride = round_up(dim, VEXFS_LANES);
	u64 row;
	int err;

	for (row = 0; row < rows; row++, elements += stride) {
		err = vexfs_relax();
		if (err)
			return err;
		if (!all_finite(elements, dim))
			return -EUCLEAN;
		if (memchr_inv(elements + dim, 0, (stride - dim) * sizeof(*elements)))
			return -EUCLEAN;
	}
	return 0;
}

int vexfs_check_quantizer(const u32 *quantizer, u32 dim)
{
	const u32 stride = round_up(dim, VEXFS_LANES);
	const u32 scale = quantizer[stride];
	int err;

	err = vexfs_check_vectors(quantizer, 1, dim);
	if (err)
		return err;
	/* This also excludes negative ones. */
	if (scale < SMALLEST_NORMAL || scale >= EXPONENT)
		return -EUCLEAN;
	return vexfs_check_vectors(quantizer + stride, 1, 1);
}

int vexfs_check_codes(const s8 *codes, u32 rows, u32 dim)
{
	const u64 ones = 0x0101010101010101ULL, highs = 0x8080808080808080ULL;
	const u32 stride = round_up(dim, VEXFS_CODES);
	u64 eight, forbidden;
	u32 row, i;
	int err;

	for (row = 0; row < rows; row++, codes += stride) {
		if (row % (STRIDE / 4096) == 0) {
			err = vexfs_relax();
			if (err)
				return err;
		}
		/* Marks a byte of 0x80: x ^ 0x80 is 0, from which alone one is borrowed. */
		for (forbidden = 0, i = 0; i < stride; i += sizeof(eight)) {
			memcpy(&eight, codes + i, sizeof(eight));
			eight ^= highs;
			forbidden |= (eight - ones) & ~eight & highs;
		}
		if (forbidden || memchr_inv(codes + dim, 0, stride - dim))
			return -EUCLEAN;
	}
	return 0;
}

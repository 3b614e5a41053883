/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/types.h>

#define __ffs(bits)	__builtin_ctzl(bits)
#define __ffs64(bits)	((unsigned int)__builtin_ctzll(bits))
#define hweight64(bits)	((unsigned int)__builtin_popcountll(bits))
#define __fls(bits)	(63U - __builtin_clzl(bits))

static inline bool __test_and_set_bit(unsigned long bit, unsigned long *bitmap)
{
	unsigned long old = bitmap[bit / 64];

	bitmap[bit / 64] |= 1UL << bit % 64;
	return old >> bit % 64 & 1;
}

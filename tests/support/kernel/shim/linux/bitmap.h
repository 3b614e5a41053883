/* SPDX-License-Identifier: GPL-2.0-only */
#define BITS_TO_LONGS(bits)	(((bits) + 63) / 64)

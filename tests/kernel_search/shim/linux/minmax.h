/* SPDX-License-Identifier: GPL-2.0-only */
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define clamp(n, low, high)	min(max(n, low), high)

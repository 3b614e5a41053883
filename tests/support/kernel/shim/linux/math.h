/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_MATH_H
#define SHIM_MATH_H

/* Steps are powers of two. */
#define round_down(n, step)		((n) & ~((__typeof__(n))(step) - 1))
#define round_up(n, step)		(((n) + (step) - 1) & ~((__typeof__(n))(step) - 1))
#define DIV_ROUND_UP(n, step)		(((n) + (step) - 1) / (step))
#define DIV_ROUND_UP_ULL(n, step)	DIV_ROUND_UP((unsigned long long)(n), step)

#endif

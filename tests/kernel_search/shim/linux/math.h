/* SPDX-License-Identifier: GPL-2.0-only */
#define round_down(n, step)	((n) - (n) % (step))

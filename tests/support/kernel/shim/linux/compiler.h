/* SPDX-License-Identifier: GPL-2.0-only */
#define WRITE_ONCE(at, value)	(*(volatile __typeof__(at) *)&(at) = (value))
#define fallthrough		__attribute__((__fallthrough__))

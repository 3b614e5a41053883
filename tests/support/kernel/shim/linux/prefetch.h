/* SPDX-License-Identifier: GPL-2.0-only */
#define prefetch(at)	__builtin_prefetch(at)

/* SPDX-License-Identifier: GPL-2.0-only */
#define static_assert(condition)	_Static_assert(condition, #condition)

/* SPDX-License-Identifier: GPL-2.0-only */
#define xchg(at, value)		__atomic_exchange_n(at, value, __ATOMIC_SEQ_CST)
#define cmpxchg(at, old, value)	__sync_val_compare_and_swap(at, old, value)

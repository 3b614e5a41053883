/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_FPU_H
#define SHIM_FPU_H

#include <assert.h>

/* Whether preemption would be off; what may sleep checks it. */
extern __thread int fpu_in_use;

static inline void kernel_fpu_begin(void)
{
	assert(!fpu_in_use++);
}

static inline void kernel_fpu_end(void)
{
	assert(!--fpu_in_use);
}

#endif

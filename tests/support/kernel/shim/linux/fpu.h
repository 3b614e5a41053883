/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_FPU_H
#define SHIM_FPU_H

#include "../../harness.h"

/* Preemption would be off: what may sleep checks it. */
static inline void kernel_fpu_begin(void)
{
	must(!harness.fpu_in_use++);
}

static inline void kernel_fpu_end(void)
{
	must(!--harness.fpu_in_use);
}

#define kernel_fpu_available()	true

#endif

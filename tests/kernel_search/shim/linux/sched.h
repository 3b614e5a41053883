/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/fpu.h>

static inline void cond_resched(void)
{
	assert(!fpu_in_use);
}

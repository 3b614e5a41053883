/* SPDX-License-Identifier: GPL-2.0-only */
#include "../../harness.h"

static inline void cond_resched(void)
{
	must(!harness.fpu_in_use);
}

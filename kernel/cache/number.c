// SPDX-License-Identifier: GPL-2.0-only
#include <linux/atomic.h>

#include "cache/number.h"

/* Half of the range is enough, as xa_mk_value() demands. */
u64 vexfs_next_number(void)
{
	static atomic64_t last = ATOMIC64_INIT(0);

	return atomic64_inc_return(&last);
}

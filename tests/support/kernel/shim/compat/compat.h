/* SPDX-License-Identifier: GPL-2.0-only */
/* Of what compat.h gives an older kernel, the searches use this. */
#include <linux/crc32.h>

#define crc32c(crc, bytes, count)	__crc32c_le(crc, bytes, count)

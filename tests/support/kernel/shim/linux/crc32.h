/* SPDX-License-Identifier: GPL-2.0-only */
#include "../../harness.h"

#define __crc32c_le(crc, bytes, count)	harness_crc32c(crc, bytes, count)

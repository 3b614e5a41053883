// SPDX-License-Identifier: GPL-2.0-only
/* The code distances in SSE2. */
#define SIMD_BYTES	16
#define SIMD_OPS	vexfs_code_sse2

#include "simd/code_simd.h"

// SPDX-License-Identifier: GPL-2.0-only
/* The distances in SSE2. */
#define SIMD_BYTES	16
#define SIMD_ROWS	2
#define SIMD_OPS	vexfs_distance_sse2

#include "simd/distance_simd.h"

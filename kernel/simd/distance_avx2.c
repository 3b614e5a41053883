// SPDX-License-Identifier: GPL-2.0-only
/* The distances in AVX2. */
#define SIMD_BYTES	32
#define SIMD_ROWS	4
#define SIMD_OPS	vexfs_distance_avx2

#include "simd/distance_simd.h"

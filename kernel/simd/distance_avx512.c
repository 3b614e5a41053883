// SPDX-License-Identifier: GPL-2.0-only
/* The distances in AVX-512. */
#define SIMD_BYTES	64
#define SIMD_ROWS	8
#define SIMD_OPS	vexfs_distance_avx512

#include "simd/distance_simd.h"

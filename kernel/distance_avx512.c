// SPDX-License-Identifier: GPL-2.0-only
/* The scan in AVX512. */
#define SIMD_BYTES	64
#define SIMD_ROWS	8
#define SIMD_SCAN	vexfs_scan_avx512

#include "distance_simd.h"

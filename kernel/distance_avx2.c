// SPDX-License-Identifier: GPL-2.0-only
/* The scan in AVX2. */
#define SIMD_BYTES	32
#define SIMD_ROWS	4
#define SIMD_SCAN	vexfs_scan_avx2

#include "distance_simd.h"

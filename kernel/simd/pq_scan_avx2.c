// SPDX-License-Identifier: GPL-2.0-only
/* The scan of 4-bit codes in AVX2. */
#define SIMD_BYTES	32
#define SIMD_SCAN	vexfs_pq_scan_avx2

#include "simd/pq_scan_simd.h"

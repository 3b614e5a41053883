// SPDX-License-Identifier: GPL-2.0-only
/* The scan of 4-bit codes in AVX-512. */
#define SIMD_BYTES	64
#define SIMD_SCAN	vexfs_pq_scan_avx512

#include "simd/pq_scan_simd.h"

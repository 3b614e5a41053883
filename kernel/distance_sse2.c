// SPDX-License-Identifier: GPL-2.0-only
/* The scan in SSE2. */
#define SIMD_BYTES	16
#define SIMD_ROWS	2
#define SIMD_SCAN	vexfs_scan_sse2

#include "distance_simd.h"

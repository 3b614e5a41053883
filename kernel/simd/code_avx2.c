// SPDX-License-Identifier: GPL-2.0-only
/* The code distances in AVX2. */
#define SIMD_BYTES	32
#define SIMD_OPS	vexfs_code_avx2

#include "simd/code_simd.h"

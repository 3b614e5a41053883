// SPDX-License-Identifier: GPL-2.0-only
/* The code distances in AVX-512. */
#define SIMD_BYTES	64
#define SIMD_OPS	vexfs_code_avx512

#include "simd/code_simd.h"

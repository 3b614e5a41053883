/* SPDX-License-Identifier: GPL-2.0-only */
#include "../../harness.h"

#define X86_FEATURE_XMM2	"sse2"
#define X86_FEATURE_AVX2	"avx2"
#define X86_FEATURE_AVX512F	"avx512f"
#define X86_FEATURE_AVX512BW	"avx512bw"
#define X86_FEATURE_AVX512_VNNI	"avx512vnni"
#define XFEATURE_MASK_SSE	0
#define XFEATURE_MASK_YMM	0
#define XFEATURE_MASK_AVX512	0

/* The CPU's, as far as the test lets it be seen. */
#define boot_cpu_has(feature)	(harness_may_use(feature) && __builtin_cpu_supports(feature))
#define cpu_has_xfeatures(mask, missing)	true

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which scan this CPU gets: the widest that CPU and kernel support.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cache.h>
#include <linux/fpu.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <asm/cpufeature.h>

#include "distance.h"

#define MASK_AVX	(XFEATURE_MASK_SSE | XFEATURE_MASK_YMM)

struct implementation {
	const char *name;
	vexfs_scan_fn *scan;
	bool (*supported)(void);
};

static bool __init have_avx512(void)
{
	return boot_cpu_has(X86_FEATURE_AVX512F) && boot_cpu_has(X86_FEATURE_AVX2) &&
	       cpu_has_xfeatures(MASK_AVX | XFEATURE_MASK_AVX512, NULL);
}

static bool __init have_avx2(void)
{
	return boot_cpu_has(X86_FEATURE_AVX2) && cpu_has_xfeatures(MASK_AVX, NULL);
}

static bool __init have_sse2(void)
{
	return boot_cpu_has(X86_FEATURE_XMM2);
}

static const struct implementation implementations[] __initconst = {
	{ "AVX-512", vexfs_scan_avx512, have_avx512 },
	{ "AVX2", vexfs_scan_avx2, have_avx2 },
	{ "SSE2", vexfs_scan_sse2, have_sse2 },
};

vexfs_scan_fn *vexfs_scan_best __ro_after_init;

#define PROOF_ROWS	11
#define PROOF_STRIDE	48

/*
 * Compares a scan with the reference on ordinary rows, one of subnormals and
 * one that overflows, so that a module whose float files were built with other
 * flags (contraction to FMA, say) is not taken into service.
 */
static bool __init agrees_with_reference(vexfs_scan_fn *fn)
{
	static u32 elements[PROOF_ROWS + 1][PROOF_STRIDE] __initdata __aligned(64);
	static u64 expected[PROOF_ROWS] __initdata, got[PROOF_ROWS] __initdata;
	const struct vexfs_scan scan = {
		.query = elements[PROOF_ROWS],
		.rows = elements[0],
		.stride = PROOF_STRIDE,
		.count = PROOF_ROWS,
		.limit = VEXFS_NO_LIMIT,
	};
	u32 row, i, exponent, count, count_got, random = 1;

	for (row = 0; row <= PROOF_ROWS; row++) {
		for (i = 0; i < PROOF_STRIDE; i++) {
			random = random * 1664525 + 1013904223;
			exponent = row == 0 ? 0 : row == 1 ? 254 : 124 + i % 8;
			elements[row][i] = (random & ~(0xffU << 23)) | exponent << 23;
		}
	}

	kernel_fpu_begin();
	count = vexfs_scan_scalar(&scan, expected);
	count_got = fn(&scan, got);
	kernel_fpu_end();

	return count == PROOF_ROWS && count_got == count &&
	       !memcmp(got, expected, sizeof(got));
}

int __init vexfs_distance_init(void)
{
	const struct implementation *i = implementations;

	if (!kernel_fpu_available()) {
		pr_err("this machine has no FPU that the kernel can use\n");
		return -ENODEV;
	}
	while (!i->supported())
		if (++i == implementations + ARRAY_SIZE(implementations))
			return -ENODEV;

	if (!agrees_with_reference(i->scan)) {
		pr_err("%s distances differ from the reference, not loading\n", i->name);
		return -ENODEV;
	}
	vexfs_scan_best = i->scan;
	pr_info("distances by %s\n", i->name);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which implementations this CPU gets: the widest that CPU and kernel support.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cache.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "simd/fpu.h"
#include "simd/simd.h"

#define MASK_AVX	(XFEATURE_MASK_SSE | XFEATURE_MASK_YMM)

struct implementation {
	const char *name;
	const struct vexfs_distance_ops *distance;
	const struct vexfs_code_ops *code;
	vexfs_pq_fn *pq_scan;
	bool (*supported)(void);
};

static bool __init have_avx512(void)
{
	return boot_cpu_has(X86_FEATURE_AVX512F) && boot_cpu_has(X86_FEATURE_AVX512BW) &&
	       boot_cpu_has(X86_FEATURE_AVX2) &&
	       cpu_has_xfeatures(MASK_AVX | XFEATURE_MASK_AVX512, NULL);
}

static bool __init have_vnni(void)
{
	return have_avx512() && boot_cpu_has(X86_FEATURE_AVX512_VNNI);
}

static bool __init have_avx2(void)
{
	return boot_cpu_has(X86_FEATURE_AVX2) && cpu_has_xfeatures(MASK_AVX, NULL);
}

static bool __init have_sse2(void)
{
	return boot_cpu_has(X86_FEATURE_XMM2);
}

/* SSE2 has no PSHUFB. */
static const struct implementation implementations[] __initconst = {
	{
		"AVX-512 VNNI", &vexfs_distance_avx512, &vexfs_code_vnni, vexfs_pq_scan_avx512,
		have_vnni
	}, {
		"AVX-512", &vexfs_distance_avx512, &vexfs_code_avx512, vexfs_pq_scan_avx512,
		have_avx512
	}, {
		"AVX2", &vexfs_distance_avx2, &vexfs_code_avx2, vexfs_pq_scan_avx2,
		have_avx2
	}, {
		"SSE2", &vexfs_distance_sse2, &vexfs_code_sse2, vexfs_pq_scan_scalar,
		have_sse2
	},
};

struct vexfs_simd vexfs_simd __ro_after_init;

#define PROOF_ROWS	11
#define PROOF_SHIFT	1
#define PROOF_STRIDE	64
#define PROOF_PAIRS	5
#define PROOF_GROUPS	3

static u32 elements[PROOF_ROWS + 1][PROOF_STRIDE] __initdata __aligned(64);
static u32 list[PROOF_ROWS + VEXFS_LIST_AHEAD] __initdata;
static u64 expected[PROOF_GROUPS * VEXFS_PQ_GROUP] __initdata;
static u64 got[PROOF_GROUPS * VEXFS_PQ_GROUP] __initdata;
static s8 codes[PROOF_ROWS][VEXFS_CODES] __initdata __aligned(64);
static s16 query_codes[VEXFS_CODES] __initdata __aligned(64);
static s16 prepared[VEXFS_CODES] __initdata __aligned(64);
static u8 table[PROOF_PAIRS * 32] __initdata __aligned(64);
static u8 pq_codes[PROOF_GROUPS][PROOF_PAIRS][VEXFS_PQ_GROUP] __initdata __aligned(64);

static u32 __init next_random(void)
{
	static u32 random __initdata = 1;

	random = random * 1664525 + 1013904223;
	return random;
}

/* Ordinary rows, one of subnormals and one that overflows; codes of all sizes. */
static void __init make_proof(void)
{
	u32 row, i, exponent, bits;

	for (row = 0; row <= PROOF_ROWS; row++) {
		for (i = 0; i < PROOF_STRIDE; i++) {
			exponent = row == 0 ? 0 : row == 1 ? 254 : 124 + i % 8;
			elements[row][i] = (next_random() & ~(0xffU << 23)) | exponent << 23;
		}
	}
	for (row = 0; row < PROOF_ROWS; row++) {
		list[row] = row * 4 % PROOF_ROWS;
		for (i = 0; i < VEXFS_CODES; i++)
			codes[row][i] = 127 - (s32)(next_random() >> 8) % 255;
	}
	for (i = 0; i < VEXFS_CODES; i++)
		query_codes[i] = 127 - (s32)(next_random() >> 8) % 255;
	for (i = 0; i < sizeof(table); i++)
		table[i] = next_random() >> 24;
	for (i = 0; i < sizeof(pq_codes); i++) {
		bits = next_random() >> 24;
		((u8 *)pq_codes)[i] = bits;
	}
}

static bool __init same(u32 count_expected, u32 count_got)
{
	return count_expected == count_got &&
	       !memcmp(expected, got, count_expected * sizeof(*got));
}

/*
 * Compares an implementation with the reference, so that a module whose float files were
 * built with other flags (contraction to FMA, say) is not taken into service.
 */
static bool __init distances_agree(const struct vexfs_distance_ops *ops)
{
	const struct vexfs_distance_ops *reference = &vexfs_distance_scalar;
	struct vexfs_scan scan = {
		.query = elements[PROOF_ROWS],
		.rows = elements[0],
		.stride = PROOF_STRIDE,
		.count = PROOF_ROWS,
		.limit = VEXFS_NO_LIMIT,
	};
	struct vexfs_gather gather = {
		.query = scan.query,
		.elements = scan.rows,
		.list = list,
		.stride = PROOF_STRIDE,
		.count = PROOF_ROWS,
	};
	static u32 inverse[PROOF_ROWS] __initdata;
	static struct vexfs_piece pieces[(PROOF_ROWS >> PROOF_SHIFT) + 1] __initdata;
	struct vexfs_gather pieced = gather;
	bool agree = true;
	u32 metric, row;

	reference->inverses(&scan, inverse);
	memcpy(expected, inverse, sizeof(inverse));
	ops->inverses(&scan, (u32 *)got);
	agree &= !memcmp(expected, got, sizeof(inverse));
	scan.inverse = inverse;
	gather.inverse = inverse;
	scan.query_inverse = inverse[2];
	gather.query_inverse = inverse[2];
	/* The same rows by a table. */
	pieced.pieces = pieces;
	pieced.shift = PROOF_SHIFT;
	pieced.query_inverse = inverse[2];
	for (row = 0; row < ARRAY_SIZE(pieces); row++) {
		pieces[row].elements = elements[row << PROOF_SHIFT];
		pieces[row].inverse = inverse + (row << PROOF_SHIFT);
	}

	reference->products(&scan, (u32 *)expected);
	ops->products(&scan, (u32 *)got);
	agree &= !memcmp(expected, got, PROOF_ROWS * sizeof(u32));

	for (metric = 0; metric < VEXFS_METRICS; metric++) {
		agree &= same(reference->scan[metric](&scan, expected),
			      ops->scan[metric](&scan, got));
		reference->gather[metric](&gather, expected);
		ops->gather[metric](&gather, got);
		agree &= same(PROOF_ROWS, PROOF_ROWS);
		ops->gather[metric](&pieced, got);
		agree &= same(PROOF_ROWS, PROOF_ROWS);
	}
	return agree;
}

static bool __init codes_agree(const struct vexfs_code_ops *ops)
{
	const struct vexfs_code_ops *reference = &vexfs_code_scalar;
	const struct vexfs_code_scan plain = {
		.query = query_codes,
		.codes = codes[0],
		.list = list,
		.stride = VEXFS_CODES,
		.count = PROOF_ROWS,
		.limit = VEXFS_CODE_LIMIT,
	};
	struct vexfs_code_scan scan = plain;

	memcpy(prepared, query_codes, sizeof(prepared));
	if (ops->prepare)
		ops->prepare(prepared, VEXFS_CODES);
	scan.query = prepared;
	return same(reference->scan_l2(&plain, expected), ops->scan_l2(&scan, got)) &&
	       same(reference->scan_dot(&plain, expected), ops->scan_dot(&scan, got)) &&
	       same(reference->gather_l2(&plain, expected), ops->gather_l2(&scan, got)) &&
	       same(reference->gather_dot(&plain, expected), ops->gather_dot(&scan, got));
}

static bool __init pq_scan_agrees(vexfs_pq_fn *scan_fn)
{
	const struct vexfs_pq_scan scan = {
		.table = table,
		.codes = pq_codes[0][0],
		.pairs = PROOF_PAIRS,
		.groups = PROOF_GROUPS,
		.limit = 0xffff,
	};

	return same(vexfs_pq_scan_scalar(&scan, expected), scan_fn(&scan, got));
}

int __init vexfs_simd_init(void)
{
	const struct implementation *i = implementations;
	bool agree;

	if (!kernel_fpu_available()) {
		pr_err("this machine has no FPU that the kernel can use\n");
		return -ENODEV;
	}
	while (!i->supported()) {
		if (++i == implementations + ARRAY_SIZE(implementations)) {
			pr_err("this machine does not say that it has SSE2\n");
			return -ENODEV;
		}
	}

	make_proof();
	kernel_fpu_begin();
	agree = distances_agree(i->distance) && codes_agree(i->code) && pq_scan_agrees(i->pq_scan);
	kernel_fpu_end();
	if (!agree) {
		pr_err("%s distances differ from the reference, not loading\n", i->name);
		return -ENODEV;
	}
	vexfs_simd = (struct vexfs_simd){
		.name = i->name,
		.distance = *i->distance,
		.code = *i->code,
		.pq_scan = i->pq_scan,
	};
	pr_info("distances by %s\n", i->name);
	return 0;
}

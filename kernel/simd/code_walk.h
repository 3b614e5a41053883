/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way through the codes of nodes, and the table of operations.  The file that includes
 * this has distances() of four nodes, and defines SIMD_OPS, the name of the table, and
 * SIMD_PREPARE, what becomes of a query before.
 */
#ifdef __CHECKER__
#define __builtin_ia32_movmskps(a)	((u32)(a))
#endif

#define float4_t	float __attribute__((vector_size(16)))

/* Writes the keys of those of the first @count of four nodes that are near enough. */
static __always_inline u64 *keep(sum4_t far, u32 limit, const u32 *nodes, u32 count, u64 *near)
{
	u32 hits = __builtin_ia32_movmskps((float4_t)(far < (int)limit));
	u32 bits[NODES], i;

	hits &= (1U << count) - 1;
	if (!hits)
		return near;
	__builtin_memcpy(bits, &far, sizeof(bits));
	for (; hits; hits &= hits - 1) {
		i = __builtin_ctz(hits);
		*near++ = (u64)bits[i] << 32 | nodes[i];
	}
	return near;
}

static __always_inline u32 scan(bool l2, const struct vexfs_code_scan *scan, u64 *near)
{
	const u32 end = scan->first + scan->count;
	const size_t stride = scan->stride;
	const s8 *row = scan->codes + scan->first * stride;
	u32 nodes[NODES], node, count, i;
	const s8 *codes[NODES];
	u64 *next = near;
	sum4_t far;

	for (node = scan->first; node < end; node += count) {
		count = end - node < NODES ? end - node : NODES;
#pragma GCC unroll 4
		for (i = 0; i < NODES; i++) {
			nodes[i] = node + i;
			codes[i] = row + (i < count ? i : 0) * stride;
		}
		far = distances(l2, scan->query, codes, stride);
		next = keep(far, scan->limit, nodes, count, next);
		row += NODES * stride;
	}
	return next - near;
}

static __always_inline u32 gather(bool l2, const struct vexfs_code_scan *scan, u64 *near)
{
	const size_t stride = scan->stride;
	const s8 *codes[NODES];
	const u32 *list = scan->list;
	u32 count, left, i;
	u64 *next = near;
	sum4_t far;

	for (left = scan->count; left; left -= count, list += count) {
		count = left < NODES ? left : NODES;
#pragma GCC unroll 4
		for (i = 0; i < NODES; i++)
			codes[i] = scan->codes + list[i < count ? i : 0] * stride;
		far = distances(l2, scan->query, codes, stride);
		next = keep(far, scan->limit, list, count, next);
	}
	return next - near;
}

static u32 scan_l2(const struct vexfs_code_scan *args, u64 *near)
{
	return scan(true, args, near);
}

static u32 scan_dot(const struct vexfs_code_scan *args, u64 *near)
{
	return scan(false, args, near);
}

static u32 gather_l2(const struct vexfs_code_scan *args, u64 *near)
{
	return gather(true, args, near);
}

static u32 gather_dot(const struct vexfs_code_scan *args, u64 *near)
{
	return gather(false, args, near);
}

const struct vexfs_code_ops SIMD_OPS = {
	.prepare = SIMD_PREPARE,
	.scan_l2 = scan_l2,
	.scan_dot = scan_dot,
	.gather_l2 = gather_l2,
	.gather_dot = gather_dot,
};

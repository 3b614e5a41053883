// SPDX-License-Identifier: GPL-2.0-only
/*
 * The search of the kernel module in user space, for tests/search/kernel_search/ and tests/fuzz/.
 */
#include <asm/errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "search/loader.h"
#include "search/search.h"
#include "simd/simd.h"
#include "uapi/vexfs.h"

__thread struct harness harness;

/* The best implementation that the test lets be seen: 0 scalar to 4 AVX-512 VNNI. */
static int widest;

void *harness_allocate(size_t bytes, bool zeroed)
{
	void *memory;

	must(!harness.fpu_in_use);
	if (++harness.allocations == harness.fail)
		return NULL;
	/* As kvmalloc() aligns what is larger than a page, and exactly as long as asked for. */
	if (posix_memalign(&memory, 64, bytes ? bytes : 1))
		return NULL;
	/* What is not zeroed is not to be relied upon. */
	memset(memory, zeroed ? 0 : 0xa5, bytes);
	harness.live++;
	return memory;
}

void harness_free(void *memory)
{
	must(!harness.fpu_in_use);
	harness.live -= !!memory;
	free(memory);
}

bool harness_is_killed(void)
{
	must(!harness.fpu_in_use);
	harness.looks++;
	return harness.kill && harness.looks >= harness.kill;
}

bool harness_may_use(const char *feature)
{
	if (!strcmp(feature, "avx512vnni"))
		return widest >= 4;
	if (!strncmp(feature, "avx512", 6))
		return widest >= 3;
	return !strcmp(feature, "avx2") ? widest >= 2 : widest >= 1;
}

__attribute__((target("sse4.2")))
u32 harness_crc32c(u32 crc, const void *bytes, size_t count)
{
	const u8 *at = bytes;
	u64 eight;

	for (; count >= 8; count -= 8, at += 8) {
		memcpy(&eight, at, 8);
		crc = __builtin_ia32_crc32di(crc, eight);
	}
	for (; count; count--)
		crc = __builtin_ia32_crc32qi(crc, *at++);
	return crc;
}

void harness_log(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(harness.log, sizeof(harness.log), format, arguments);
	va_end(arguments);
}

struct harness *harness_state(void)
{
	return &harness;
}

/*
 * Takes an implementation into service as the module does when it is loaded; the scalar one
 * directly, since the module never does.  Returns 0 or an errno.
 */
int harness_use(int width)
{
	widest = width;
	if (width)
		return vexfs_simd_init();
	vexfs_simd = (struct vexfs_simd){
		.name = "scalar",
		.distance = vexfs_distance_scalar,
		.code = vexfs_code_scalar,
		.pq_scan = vexfs_pq_scan_scalar,
	};
	return 0;
}

const char *harness_in_use(void)
{
	return vexfs_simd.name;
}

const struct vexfs_simd *harness_simd(void)
{
	return &vexfs_simd;
}

/* Parses a copy of a file.  Returns an index or, as a pointer, an errno. */
struct vexfs_index *harness_parse(const void *file, size_t size, u32 kind)
{
	void *bytes = harness_allocate(size, false);

	if (!bytes)
		return (void *)-ENOMEM;
	memcpy(bytes, file, size);
	return vexfs_index_parse(bytes, size, kind);
}

/* Returns the number of keys or an errno. */
int harness_search(struct vexfs_index *index, const struct vexfs_rows *rows,
		   const struct vexfs_query *query, u32 k, u64 *keys, u64 *evaluated)
{
	struct vexfs_topk top = { .keys = keys, .k = k };
	int err;

	err = vexfs_search(index, rows, query, &top, evaluated);
	must(!harness.fpu_in_use);
	return err ? err : (int)top.count;
}

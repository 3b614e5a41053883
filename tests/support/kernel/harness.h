/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stands in for the kernel when the module's search is built for user space.  The
 * headers of shim/ lead here.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdlib.h>
#include <linux/types.h>

/* Of the calling thread. */
struct harness {
	int fpu_in_use;
	long live;		/* pieces of memory that are not freed */
	u64 allocations;	/* so far */
	u64 fail;		/* the one that is to fail; 0: none */
	u64 looks;		/* at whether a fatal signal is pending, so far */
	u64 kill;		/* from this one on it is; 0: never */
	char log[256];		/* the last line of the kernel log */
};

extern __thread struct harness harness;

/* An assertion of the shim, which is not to depend on NDEBUG. */
#define must(condition)	((condition) ? (void)0 : abort())

void *harness_allocate(size_t bytes, bool zeroed);
void harness_free(void *memory);
bool harness_is_killed(void);
bool harness_may_use(const char *feature);
u32 harness_crc32c(u32 crc, const void *bytes, size_t count);
void harness_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

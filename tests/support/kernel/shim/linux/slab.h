/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_SLAB_H
#define SHIM_SLAB_H

#include "../../harness.h"

#define GFP_KERNEL		0
#define GFP_KERNEL_ACCOUNT	1
#define __GFP_RETRY_MAYFAIL	2
#define __GFP_NOWARN		4

static inline void *harness_array(size_t count, size_t size, bool zeroed)
{
	size_t bytes;

	return __builtin_mul_overflow(count, size, &bytes) ? NULL : harness_allocate(bytes, zeroed);
}

#define kmalloc_array(count, size, flags)	harness_array(count, size, false)
#define kcalloc(count, size, flags)		harness_array(count, size, true)
#define kzalloc(size, flags)			harness_allocate(size, true)
#define kfree(memory)				harness_free(memory)
#define kvmalloc_array(count, size, flags)	harness_array(count, size, false)
#define kvcalloc(count, size, flags)		harness_array(count, size, true)
#define kvzalloc(size, flags)			harness_allocate(size, true)
#define kvfree(memory)				harness_free(memory)

#endif

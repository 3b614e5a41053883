/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A heap of keys with the smallest one on top.
 */
#ifndef VEXFS_HEAP_H
#define VEXFS_HEAP_H

#include <linux/types.h>

static inline void vexfs_heap_push(u64 *keys, u32 *count, u64 key)
{
	u32 at = (*count)++, parent;

	while (at && keys[parent = (at - 1) / 2] > key) {
		keys[at] = keys[parent];
		at = parent;
	}
	keys[at] = key;
}

/* Takes the smallest of at least one key. */
static inline u64 vexfs_heap_pop(u64 *keys, u32 *count)
{
	u64 top = keys[0], key = keys[--*count];
	u32 at = 0, child;

	while ((child = 2 * at + 1) < *count) {
		if (child + 1 < *count && keys[child + 1] < keys[child])
			child++;
		if (keys[child] >= key)
			break;
		keys[at] = keys[child];
		at = child;
	}
	keys[at] = key;
	return top;
}

#endif /* VEXFS_HEAP_H */

// SPDX-License-Identifier: GPL-2.0-only
#include "search/topk.h"

/* Moves @key, which takes the place of the top, to where it belongs. */
static void sift_down(u64 *keys, u32 count, u64 key)
{
	u32 at = 0, child;

	while ((child = 2 * at + 1) < count) {
		if (child + 1 < count && keys[child + 1] > keys[child])
			child++;
		if (keys[child] <= key)
			break;
		keys[at] = keys[child];
		at = child;
	}
	keys[at] = key;
}

static void sift_up(u64 *keys, u32 at, u64 key)
{
	u32 parent;

	while (at && keys[parent = (at - 1) / 2] < key) {
		keys[at] = keys[parent];
		at = parent;
	}
	keys[at] = key;
}

void vexfs_topk_add(struct vexfs_topk *top, u64 key)
{
	if (top->count < top->k)
		sift_up(top->keys, top->count++, key);
	else if (key < top->keys[0])
		sift_down(top->keys, top->count, key);
}

void vexfs_topk_sort(struct vexfs_topk *top)
{
	u32 left;
	u64 last;

	for (left = top->count; left > 1; left--) {
		last = top->keys[left - 1];
		top->keys[left - 1] = top->keys[0];
		sift_down(top->keys, left - 1, last);
	}
}

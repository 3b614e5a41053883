// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "cache/block.h"
#include "cache/budget.h"
#include "cache/reading.h"

struct vexfs_block *vexfs_block_alloc(struct vexfs_budget *budget, u32 rows, u32 stride)
{
	const size_t element_bytes = array3_size(rows, stride, sizeof(u32));
	const size_t inverse_bytes = array_size(rows, sizeof(u32));
	struct vexfs_block *block;
	u64 bytes;

	block = kzalloc(sizeof(*block), VEXFS_GFP_COPY);
	if (!block)
		return ERR_PTR(-ENOMEM);
	bytes = vexfs_array_bytes(element_bytes) + vexfs_array_bytes(inverse_bytes);
	if (vexfs_budget_take(budget, bytes)) {
		kfree(block);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&block->users, 1);
	block->budget = budget;
	block->bytes = bytes;
	block->elements = vmalloc_huge(element_bytes, VEXFS_GFP_COPY);
	block->inverse = __vmalloc(inverse_bytes, VEXFS_GFP_COPY);
	if (!block->elements || !block->inverse) {
		vexfs_block_put(block);
		return ERR_PTR(-ENOMEM);
	}
	return block;
}

void vexfs_block_put(struct vexfs_block *block)
{
	if (!block || !refcount_dec_and_test(&block->users))
		return;
	vfree(block->inverse);
	vfree(block->elements);
	vexfs_budget_give_back(block->budget, block->bytes);
	kfree(block);
}

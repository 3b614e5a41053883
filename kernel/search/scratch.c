// SPDX-License-Identifier: GPL-2.0-only
#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "search/index.h"
#include "search/scratch.h"
#include "simd/simd.h"

/* An index keeps no more than its bitmap and this. */
#define KEEP_BYTES	(256 * 1024)
/* Memory is taken in such steps, so that the next search finds enough. */
#define STEP_BYTES	4096

struct vexfs_scratch *vexfs_scratch_get(struct vexfs_index *index, u32 numbers, u32 batch,
					size_t bytes, void **memory)
{
	const u32 words = DIV_ROUND_UP_ULL(numbers, 64);
	const u32 room = batch ? clamp(words / 4, 1024U, 65536U) : 0;
	const size_t set_bytes = round_up(words * sizeof(u64), 64);
	const size_t list_bytes = round_up((room + batch + VEXFS_LIST_AHEAD) * sizeof(u32), 64);
	const size_t total = set_bytes + list_bytes + bytes;
	struct vexfs_scratch *scratch = xchg(&index->spare, NULL);

	if (scratch && scratch->bytes < total) {
		kvfree(scratch);
		scratch = NULL;
	}
	if (!scratch) {
		scratch = kvzalloc(round_up(sizeof(*scratch) + total, STEP_BYTES), VEXFS_GFP_INDEX);
		if (!scratch)
			return NULL;
		scratch->bytes = round_up(sizeof(*scratch) + total, STEP_BYTES) - sizeof(*scratch);
	}
	scratch->set = (struct vexfs_set){
		.words = (u64 *)scratch->memory,
		.word_count = words,
		.list = (u32 *)(scratch->memory + set_bytes),
		.room = room,
	};
	*memory = scratch->memory + set_bytes + list_bytes;
	return scratch;
}

static void set_clear(struct vexfs_set *set)
{
	u32 i, j;

	if (!set->overflown && set->listed < set->word_count / 4) {
		for (i = 0; i < set->listed; i++)
			set->words[set->list[i] / 64] = 0;
		return;
	}
	/* Not memset(), which takes an instruction a byte where it is REP STOSB. */
	for (i = 0; i < set->word_count; i += 8)
#pragma GCC unroll 8
		for (j = 0; j < 8; j++)
			WRITE_ONCE(set->words[i + j], 0);
}

u64 vexfs_scratch_kept(u32 rows)
{
	const u32 words = DIV_ROUND_UP_ULL(rows, 64);

	return words * sizeof(u64) + KEEP_BYTES + STEP_BYTES;
}

void vexfs_scratch_put(struct vexfs_index *index, struct vexfs_scratch *scratch)
{
	const size_t keep = scratch->set.word_count * sizeof(u64) + KEEP_BYTES;

	set_clear(&scratch->set);
	if (scratch->bytes > keep || cmpxchg(&index->spare, NULL, scratch))
		kvfree(scratch);
}

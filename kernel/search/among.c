// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitops.h>
#include <linux/math.h>
#include <linux/minmax.h>

#include "search/among.h"
#include "simd/fpu_section.h"
#include "uapi/vexfs.h"

/* What a step of a search by an index costs beside the comparison of a row (docs/search.md). */
#define WORTH	16

/* How many rows of the filter a block has. */
static u32 count_block(const struct vexfs_filter *filter, u32 covered, u32 block)
{
	const u32 end = vexfs_block_end(covered, block);

	return vexfs_filter_below(filter, end) -
	       vexfs_filter_below(filter, block * VEXFS_INDEX_BLOCK);
}

int vexfs_among_count(const struct vexfs_among *among, u32 covered, u32 *count)
{
	const struct vexfs_changes *changes = among->changes;
	u32 word, words;
	u64 left;
	int err = 0;

	*count = among->filter ? vexfs_filter_below(among->filter, covered) : covered;
	if (!changes)
		return 0;
	if (!among->filter) {
		*count -= changes->rows;
		return 0;
	}
	words = vexfs_changes_words(covered);
	for (word = 0; word < words && !err; word++) {
		left = changes->words[word];
		if (!left)
			continue;
		for (; left; left &= left - 1)
			*count -= count_block(among->filter, covered, word * 64 + __ffs64(left));
		err = vexfs_relax();
	}
	return err;
}

bool vexfs_among_ask(u32 there, u32 covered, u32 *effort, u32 *k)
{
	const u64 wanted = max(*effort, *k);

	if ((u64)there * there <= WORTH * covered * wanted)
		return false;
	*effort = min_t(u64, DIV_ROUND_UP_ULL((u64)*effort * covered, there), VEXFS_EFFORT_MAX);
	*k = DIV_ROUND_UP_ULL((u64)*k * covered, there);
	return true;
}

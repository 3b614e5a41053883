// SPDX-License-Identifier: GPL-2.0-only
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "cache/sent.h"
#include "search/rows.h"
#include "simd/simd.h"

void vexfs_sent_init(struct vexfs_sent *sent)
{
	mutex_init(&sent->lock);
}

void vexfs_sent_destroy(struct vexfs_sent *sent)
{
	kvfree(sent->elements);
	mutex_destroy(&sent->lock);
}

/* From here on no other query is held. */
static int begin(struct vexfs_sent *sent, const struct vexfs_query_part *part)
{
	/* A part may be packed up to the next multiple of the lanes. */
	const size_t count = round_up(part->dim, VEXFS_LANES) + VEXFS_LANES;

	sent->number = 0;
	if (sent->dim != part->dim) {
		kvfree(sent->elements);
		sent->elements = NULL;
		sent->dim = part->dim;
	}
	if (!sent->elements)
		sent->elements = kvmalloc_array(count, sizeof(*sent->elements), GFP_KERNEL_ACCOUNT);
	if (!sent->elements)
		return -ENOMEM;
	sent->number = part->query;
	sent->filled = 0;
	return 0;
}

static int add(struct vexfs_sent *sent, const struct vexfs_query_part *part)
{
	int err;

	if (!part->start) {
		err = begin(sent, part);
		if (err)
			return err;
	} else if (sent->number != part->query || sent->dim != part->dim ||
		   sent->filled != part->start) {
		return -ECANCELED;
	}
	if (!vexfs_pack(sent->elements + sent->filled, (const __le32 *)(part + 1), part->count)) {
		/* It cannot be continued. */
		sent->number = 0;
		return -EDOM;
	}
	sent->filled += part->count;
	/* Parts need not end where lanes do, so what the last was padded with is too little. */
	if (sent->filled == sent->dim)
		memset(sent->elements + sent->dim, 0,
		       (round_up(sent->dim, VEXFS_LANES) - sent->dim) * sizeof(*sent->elements));
	return 0;
}

int vexfs_sent_add(struct vexfs_sent *sent, const struct vexfs_query_part *part)
{
	int err;

	if (mutex_lock_killable(&sent->lock))
		return -EINTR;
	err = add(sent, part);
	mutex_unlock(&sent->lock);
	return err;
}

int vexfs_sent_copy(struct vexfs_sent *sent, u64 number, u32 dim, u32 *elements)
{
	int err = -ECANCELED;

	if (mutex_lock_killable(&sent->lock))
		return -EINTR;
	if (sent->number == number && sent->dim == dim && sent->filled == dim) {
		memcpy(elements, sent->elements, round_up(dim, VEXFS_LANES) * sizeof(*elements));
		err = 0;
	}
	mutex_unlock(&sent->lock);
	return err;
}

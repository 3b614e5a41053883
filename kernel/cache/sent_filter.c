// SPDX-License-Identifier: GPL-2.0-only
/*
 * A filter stands in its slot between two parts, so that it can be given back.  While a part
 * is added it is in none, and nobody else sees it.  Its memory grows by what was sent: to
 * announce a large filter costs nothing.
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "cache/reading.h"
#include "cache/sent_filter.h"

/* Words that there is room for at first: a page's, with the counts. */
#define FIRST_ROOM	448U

static struct vexfs_held_filter *to_held(struct vexfs_copy *copy)
{
	return container_of(copy, struct vexfs_held_filter, copy);
}

void vexfs_sent_filter_init(struct vexfs_sent_filter *sent)
{
	mutex_init(&sent->lock);
	RCU_INIT_POINTER(sent->slot, NULL);
}

void vexfs_sent_filter_destroy(struct vexfs_sent_filter *sent, struct vexfs_budget *budget)
{
	vexfs_copy_keep(budget, &sent->slot, NULL);
	mutex_destroy(&sent->lock);
}

static void release(struct vexfs_copy *copy)
{
	vfree(to_held(copy)->memory);
}

static struct vexfs_held_filter *begin(struct vexfs_budget *budget,
				       const struct vexfs_filter_part *part)
{
	struct vexfs_held_filter *held;

	static_assert(sizeof(*held) <= VEXFS_COPY_BYTES);
	static_assert(offsetof(struct vexfs_held_filter, copy) == 0);

	held = vexfs_copy_alloc(budget, release);
	if (!held)
		return ERR_PTR(-ENOMEM);
	held->number = part->filter;
	held->words = part->words;
	return held;
}

/* The one that is held, with a reference for the caller, if the part continues it. */
static struct vexfs_held_filter *resume(struct vexfs_sent_filter *sent,
					const struct vexfs_filter_part *part)
{
	struct vexfs_copy *copy = vexfs_copy_get(&sent->slot);
	struct vexfs_held_filter *held;

	if (!copy)
		return ERR_PTR(-ECANCELED);
	held = to_held(copy);
	if (held->number == part->filter && held->words == part->words &&
	    held->filter.count == part->start)
		return held;
	vexfs_copy_put(copy);
	return ERR_PTR(-ECANCELED);
}

/* Words and, behind them, the counts before their blocks. */
static size_t memory_bytes(u32 room)
{
	return room * sizeof(u64) + room / VEXFS_FILTER_BLOCK * sizeof(u32);
}

static int grow(struct vexfs_held_filter *held, u32 words)
{
	struct vexfs_filter *filter = &held->filter;
	const u32 blocks = DIV_ROUND_UP(filter->count, VEXFS_FILTER_BLOCK);
	const u32 most = round_up(held->words, VEXFS_FILTER_BLOCK);
	const u32 room = min(most, max3(2 * held->room, round_up(words, VEXFS_FILTER_BLOCK),
					FIRST_ROOM));
	const u64 before = held->room ? vexfs_array_bytes(memory_bytes(held->room)) : 0;
	u64 *memory;
	int err;

	err = vexfs_copy_reserve(&held->copy, vexfs_array_bytes(memory_bytes(room)));
	if (err)
		return err;
	/* What could not be had still counts, until the copy goes: at once. */
	memory = vmalloc_huge(memory_bytes(room), VEXFS_GFP_COPY);
	if (!memory)
		return -ENOMEM;
	if (filter->count) {
		memcpy(memory, filter->words, filter->count * sizeof(*memory));
		memcpy(memory + room, filter->before, blocks * sizeof(*filter->before));
	}
	vfree(held->memory);
	held->copy.bytes -= before;
	vexfs_budget_give_back(held->copy.budget, before);
	held->memory = memory;
	held->room = room;
	filter->words = memory;
	filter->before = (u32 *)(memory + room);
	return 0;
}

static int add(struct vexfs_held_filter *held, const struct vexfs_filter_part *part)
{
	const u64 *words = (const u64 *)(part + 1);
	struct vexfs_filter *filter = &held->filter;
	u32 *before;
	int err;
	u32 i;

	if (filter->count + part->count > held->room) {
		err = grow(held, filter->count + part->count);
		if (err)
			return err;
	}
	before = (u32 *)(held->memory + held->room);
	for (i = 0; i < part->count; i++) {
		if (filter->count % VEXFS_FILTER_BLOCK == 0)
			before[filter->count / VEXFS_FILTER_BLOCK] = filter->rows;
		held->memory[filter->count++] = words[i];
		filter->rows += hweight64(words[i]);
	}
	return 0;
}

int vexfs_sent_filter_add(struct vexfs_sent_filter *sent, struct vexfs_budget *budget,
			  const struct vexfs_filter_part *part)
{
	struct vexfs_held_filter *held;
	int err;

	if (mutex_lock_killable(&sent->lock))
		return -EINTR;
	held = part->start ? resume(sent, part) : begin(budget, part);
	err = PTR_ERR_OR_ZERO(held);
	/* A part that continues another filter leaves that one as it is. */
	if (err != -ECANCELED)
		vexfs_copy_keep(budget, &sent->slot, NULL);
	if (!err) {
		err = add(held, part);
		if (!err)
			vexfs_copy_keep(budget, &sent->slot, &held->copy);
		vexfs_held_filter_put(held);
	}
	mutex_unlock(&sent->lock);
	return err;
}

struct vexfs_held_filter *vexfs_sent_filter_get(struct vexfs_sent_filter *sent, u32 number)
{
	struct vexfs_held_filter *held = ERR_PTR(-ECANCELED);
	struct vexfs_copy *copy;

	if (mutex_lock_killable(&sent->lock))
		return ERR_PTR(-EINTR);
	copy = vexfs_copy_get(&sent->slot);
	if (copy && to_held(copy)->number == number &&
	    to_held(copy)->filter.count == to_held(copy)->words) {
		held = to_held(copy);
		vexfs_copy_touch(copy);
	} else {
		vexfs_copy_put(copy);
	}
	mutex_unlock(&sent->lock);
	return held;
}

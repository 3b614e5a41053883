/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a mount: copies of lower files, and filters, how much they may take together, and
 * which of them goes first.
 *
 * A copy counts from before its memory is taken until after that was given back.  It is
 * kept for the next search in a slot of its inode, and then stands in two lists: by the
 * time of its last use, for the budget, and by the memory cgroup that pays for it, for the
 * kernel's shrinkers.  Either takes what nobody uses, the oldest first.
 */
#ifndef VEXFS_BUDGET_H
#define VEXFS_BUDGET_H

#include <linux/compiler.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/list_lru.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "cache/stamp.h"

struct shrinker;

struct vexfs_budget {
	spinlock_t lock;		/* for the counts, the lists and all slots */
	u64 limit;			/* bytes, as the mount option says */
	u64 used;			/* bytes, in slots and in use */
	unsigned long copies;		/* that count */
	struct list_head by_age;	/* copies in slots, the oldest use first */
	struct list_lru by_group;	/* the same ones, by who pays */
	struct shrinker *shrinker;
};

/* The first member of a snapshot, of a sidecar and of a filter. */
struct vexfs_copy {
	refcount_t users;		/* one of them is the slot */
	struct vexfs_budget *budget;
	u64 bytes;			/* that count */
	u64 shared;			/* that count once for all copies that use them */
	u64 generation;			/* no two copies have the same */
	struct vexfs_stamp stamp;	/* of the file when it was read */
	void (*release)(struct vexfs_copy *copy);	/* frees all but the copy itself */
	struct vexfs_copy __rcu **slot;	/* NULL when it is in none */
	unsigned long touched;		/* jiffies of the last use, about */
	unsigned long wanted;		/* pages that shrinkers asked for since */
	struct list_head by_age;
	struct list_head by_group;
	struct rcu_head rcu;
};

/* What each of these may be large. */
#define VEXFS_COPY_BYTES	384

/* A use is noted if the last note is older: a search takes no lock for it as a rule. */
#define VEXFS_TOUCH_JIFFIES	(HZ / 10)

/* At loading and unloading. */
int vexfs_copy_cache_create(void);
void vexfs_copy_cache_destroy(void);

/* A quarter of the memory. */
u64 vexfs_budget_default(void);

/* At mounting and, when all inodes are gone, unmounting: also of what is zeroed. */
int vexfs_budget_init(struct vexfs_budget *budget, const char *name);
void vexfs_budget_destroy(struct vexfs_budget *budget);

/* Changes the limit, and gives back what exceeds it and is not in use. */
void vexfs_budget_limit(struct vexfs_budget *budget, u64 limit);

/* A copy without content, zeroed, with a reference for the caller; or NULL. */
void *vexfs_copy_alloc(struct vexfs_budget *budget, void (*release)(struct vexfs_copy *copy));

/*
 * Before the memory of a copy is taken: makes room for it.  Returns 0, or -ENOMEM if it
 * does not fit beside what is in use.
 */
int vexfs_copy_reserve(struct vexfs_copy *copy, u64 bytes);

/* The same for memory that several copies may use, and the way back when it was freed. */
int vexfs_budget_take(struct vexfs_budget *budget, u64 bytes);
void vexfs_budget_give_back(struct vexfs_budget *budget, u64 bytes);

/* What an array of vmalloc_huge() takes at most. */
u64 vexfs_array_bytes(u64 bytes);

/* May sleep.  NULL is fine. */
void vexfs_copy_put(struct vexfs_copy *copy);

/*
 * Puts @copy, or nothing, into the slot in place of what is there.  The slot has its own
 * reference.  Whoever calls it holds the inode of the slot.
 */
void vexfs_copy_keep(struct vexfs_budget *budget, struct vexfs_copy __rcu **slot,
		     struct vexfs_copy *copy);

/* Keeps it no longer.  The caller has a reference. */
void vexfs_copy_forget(struct vexfs_copy *copy);

/* What is in the slot, with a reference for the caller. */
static inline struct vexfs_copy *vexfs_copy_get(struct vexfs_copy __rcu **slot)
{
	struct vexfs_copy *copy;

	rcu_read_lock();
	copy = rcu_dereference(*slot);
	if (copy && !refcount_inc_not_zero(&copy->users))
		copy = NULL;
	rcu_read_unlock();
	return copy;
}

void vexfs_copy_note_use(struct vexfs_copy *copy);

/* A search uses it. */
static inline void vexfs_copy_touch(struct vexfs_copy *copy)
{
	if (time_after(jiffies, READ_ONCE(copy->touched) + VEXFS_TOUCH_JIFFIES))
		vexfs_copy_note_use(copy);
}

#endif /* VEXFS_BUDGET_H */

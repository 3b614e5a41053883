// SPDX-License-Identifier: GPL-2.0-only
/*
 * A copy enters and leaves its slot and both lists under one hold of the budget's lock.
 * So what is in a list is in a slot, and the slot's inode is there: before it goes, it
 * empties its slots under this lock.
 *
 * The shrinker comes from within any allocation, ours included, and sleeps on nothing.
 * The lock of the kernel's list is taken within the budget's, so the shrinker takes
 * references under the former and the latter after that.  Nothing is allocated under either.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/align.h>
#include <linux/err.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/swap.h>

#include "cache/budget.h"
#include "cache/number.h"
#include "cache/reading.h"
#include "compat/compat.h"

/* The shrinker is called for so many pages at least, and gives back so many copies at most. */
#define SHRINK_PAGES	128
#define SHRINK_COPIES	16

static struct kmem_cache *copy_cache;

/* Under the lock. */
static void take_out(struct vexfs_copy *copy)
{
	list_lru_del_obj(&copy->budget->by_group, &copy->by_group);
	list_del_init(&copy->by_age);
	rcu_assign_pointer(*copy->slot, NULL);
	copy->slot = NULL;
}

/* Under the lock. */
static void put_in(struct vexfs_copy *copy, struct vexfs_copy __rcu **slot)
{
	copy->slot = slot;
	copy->touched = jiffies;
	list_add_tail(&copy->by_age, &copy->budget->by_age);
	list_lru_add_obj(&copy->budget->by_group, &copy->by_group);
	rcu_assign_pointer(*slot, copy);
}

/* Does only its slot hold it?  If a search finds it now, its memory goes after that. */
static bool is_idle(const struct vexfs_copy *copy)
{
	return refcount_read(&copy->users) == 1;
}

void vexfs_copy_note_use(struct vexfs_copy *copy)
{
	struct vexfs_budget *budget = copy->budget;

	spin_lock(&budget->lock);
	if (copy->slot) {
		copy->touched = jiffies;
		copy->wanted = 0;
		list_move_tail(&copy->by_age, &budget->by_age);
		list_lru_del_obj(&budget->by_group, &copy->by_group);
		list_lru_add_obj(&budget->by_group, &copy->by_group);
	}
	spin_unlock(&budget->lock);
}

void vexfs_copy_keep(struct vexfs_budget *budget, struct vexfs_copy __rcu **slot,
		     struct vexfs_copy *copy)
{
	struct vexfs_copy *old;

	if (!copy && !rcu_access_pointer(*slot))
		return;
	spin_lock(&budget->lock);
	old = rcu_dereference_protected(*slot, lockdep_is_held(&budget->lock));
	if (old)
		take_out(old);
	if (copy) {
		refcount_inc(&copy->users);
		put_in(copy, slot);
	}
	spin_unlock(&budget->lock);
	vexfs_copy_put(old);
}

void vexfs_copy_forget(struct vexfs_copy *copy)
{
	struct vexfs_budget *budget = copy->budget;
	bool kept;

	spin_lock(&budget->lock);
	kept = copy->slot;
	if (kept)
		take_out(copy);
	spin_unlock(&budget->lock);
	if (kept)
		vexfs_copy_put(copy);
}

void *vexfs_copy_alloc(struct vexfs_budget *budget, void (*release)(struct vexfs_copy *copy))
{
	struct vexfs_copy *copy;

	/* Makes the list of the group that pays, too. */
	copy = kmem_cache_alloc_lru(copy_cache, &budget->by_group, VEXFS_GFP_COPY | __GFP_ZERO);
	if (!copy)
		return NULL;
	refcount_set(&copy->users, 1);
	copy->budget = budget;
	copy->generation = vexfs_next_number();
	copy->release = release;
	copy->bytes = VEXFS_COPY_BYTES;
	INIT_LIST_HEAD(&copy->by_age);
	INIT_LIST_HEAD(&copy->by_group);
	spin_lock(&budget->lock);
	budget->copies++;
	budget->used += copy->bytes;
	spin_unlock(&budget->lock);
	return copy;
}

static void free_copy(struct rcu_head *rcu)
{
	kmem_cache_free(copy_cache, container_of(rcu, struct vexfs_copy, rcu));
}

void vexfs_copy_put(struct vexfs_copy *copy)
{
	struct vexfs_budget *budget;

	if (!copy || !refcount_dec_and_test(&copy->users))
		return;
	budget = copy->budget;
	copy->release(copy);
	mm_account_reclaimed_pages(copy->bytes >> PAGE_SHIFT);
	spin_lock(&budget->lock);
	budget->used -= copy->bytes;
	budget->copies--;
	spin_unlock(&budget->lock);
	/* A search may look whether it is still there. */
	call_rcu(&copy->rcu, free_copy);
}

/* Takes out the oldest copy that is not in use, if there is one.  Under the lock. */
static struct vexfs_copy *take_oldest(struct vexfs_budget *budget)
{
	struct vexfs_copy *copy;

	list_for_each_entry(copy, &budget->by_age, by_age) {
		if (!is_idle(copy))
			continue;
		take_out(copy);
		return copy;
	}
	return NULL;
}

/* Gives back the oldest until there are @bytes below the limit, and takes these. */
static bool make_room(struct vexfs_budget *budget, u64 bytes)
{
	struct vexfs_copy *oldest = NULL;
	bool fits;

	do {
		spin_lock(&budget->lock);
		fits = bytes <= budget->limit && budget->used <= budget->limit - bytes;
		if (fits)
			budget->used += bytes;
		else
			oldest = bytes <= budget->limit ? take_oldest(budget) : NULL;
		spin_unlock(&budget->lock);
		if (fits)
			return true;
		vexfs_copy_put(oldest);
		cond_resched();
	} while (oldest);
	return false;
}

int vexfs_budget_take(struct vexfs_budget *budget, u64 bytes)
{
	if (!make_room(budget, bytes)) {
		pr_warn_ratelimited("a copy of %llu KiB does not fit into memory=%lluk\n",
				    bytes >> 10, READ_ONCE(budget->limit) >> 10);
		return -ENOMEM;
	}
	return 0;
}

void vexfs_budget_give_back(struct vexfs_budget *budget, u64 bytes)
{
	mm_account_reclaimed_pages(bytes >> PAGE_SHIFT);
	spin_lock(&budget->lock);
	budget->used -= bytes;
	spin_unlock(&budget->lock);
}

int vexfs_copy_reserve(struct vexfs_copy *copy, u64 bytes)
{
	int err = vexfs_budget_take(copy->budget, bytes);

	if (!err)
		copy->bytes += bytes;
	return err;
}

u64 vexfs_array_bytes(u64 bytes)
{
	return bytes < PMD_SIZE ? PAGE_ALIGN(bytes) : ALIGN(bytes, PMD_SIZE);
}

void vexfs_budget_limit(struct vexfs_budget *budget, u64 limit)
{
	spin_lock(&budget->lock);
	budget->limit = limit;
	spin_unlock(&budget->lock);
	make_room(budget, 0);
}

u64 vexfs_budget_default(void)
{
	return (u64)(totalram_pages() / 4) << PAGE_SHIFT;
}

/*
 * The list of a group knows how many copies it has, not how large they are: each weighs as
 * many pages as one of this mount does on average.
 */
static unsigned long weight(const struct vexfs_budget *budget)
{
	u64 pages = READ_ONCE(budget->used) >> PAGE_SHIFT;

	return max(div64_ul(pages, max(READ_ONCE(budget->copies), 1UL)), 1ULL);
}

static unsigned long count_pages(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct vexfs_budget *budget = shrinker->private_data;
	unsigned long copies = list_lru_shrink_count(&budget->by_group, sc);

	return copies ? copies * weight(budget) : SHRINK_EMPTY;
}

struct walk {
	unsigned long weight;
	unsigned long left;	/* pages that are still to be looked at */
	unsigned int found;
	struct vexfs_copy *victim[SHRINK_COPIES];
};

/*
 * A copy goes when as many pages have been asked for as it weighs: nobody who needs a
 * few pages makes the mount give up a gigabyte.
 */
static enum lru_status find_victim(struct list_head *item, struct list_lru_one *list, void *arg)
{
	struct vexfs_copy *copy = list_entry(item, struct vexfs_copy, by_group);
	struct walk *walk = arg;
	unsigned long more;

	if (!walk->left || walk->found == SHRINK_COPIES)
		return LRU_STOP;
	if (!is_idle(copy))
		return LRU_SKIP;
	more = min(walk->left, walk->weight - min(copy->wanted, walk->weight));
	walk->left -= more;
	copy->wanted += more;
	if (copy->wanted < walk->weight)
		return LRU_STOP;
	/* What is in the list is in a slot, which holds it. */
	refcount_inc(&copy->users);
	walk->victim[walk->found++] = copy;
	return LRU_SKIP;
}

COMPAT_LRU_WALK(find_victim)

static unsigned long scan_pages(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct vexfs_budget *budget = shrinker->private_data;
	struct walk walk = { .weight = weight(budget), .left = sc->nr_to_scan };
	unsigned long freed = 0;
	unsigned int i;

	sc->nr_scanned = sc->nr_to_scan;
	/* It ends by the pages, not by the number of copies. */
	sc->nr_to_scan = ULONG_MAX;
	list_lru_shrink_walk(&budget->by_group, sc, compat_lru_walk(find_victim), &walk);
	sc->nr_scanned -= walk.left;

	for (i = 0; i < walk.found; i++) {
		freed += (walk.victim[i]->bytes + walk.victim[i]->shared) >> PAGE_SHIFT;
		vexfs_copy_forget(walk.victim[i]);
		vexfs_copy_put(walk.victim[i]);
	}
	return sc->nr_scanned ? freed : SHRINK_STOP;
}

int vexfs_budget_init(struct vexfs_budget *budget, const char *name)
{
	struct shrinker *shrinker;
	int err;

	spin_lock_init(&budget->lock);
	INIT_LIST_HEAD(&budget->by_age);
	budget->limit = vexfs_budget_default();

	shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE | SHRINKER_MEMCG_AWARE, "vexfs:%s", name);
	if (!shrinker)
		return -ENOMEM;
	err = list_lru_init_memcg(&budget->by_group, shrinker);
	if (err) {
		shrinker_free(shrinker);
		return err;
	}
	shrinker->count_objects = count_pages;
	shrinker->scan_objects = scan_pages;
	shrinker->batch = SHRINK_PAGES;
	shrinker->private_data = budget;
	shrinker_register(shrinker);
	budget->shrinker = shrinker;
	return 0;
}

void vexfs_budget_destroy(struct vexfs_budget *budget)
{
	if (!budget->shrinker)
		return;
	shrinker_free(budget->shrinker);
	list_lru_destroy(&budget->by_group);
	WARN_ON_ONCE(budget->used || budget->copies);
}

int vexfs_copy_cache_create(void)
{
	copy_cache = kmem_cache_create("vexfs_copy", VEXFS_COPY_BYTES, 0,
				       SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT, NULL);
	return copy_cache ? 0 : -ENOMEM;
}

void vexfs_copy_cache_destroy(void)
{
	/* Copies are freed after a grace period. */
	rcu_barrier();
	kmem_cache_destroy(copy_cache);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock of searches and its file.  Each switch-on begins a round.  The static key is on
 * before a round begins and until after it has ended, so a search that is counted in the round
 * in which it began has passed no place at which the key was off.
 */
#include <linux/compiler.h>
#include <linux/debugfs.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/jump_label.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "fs/search_time.h"

struct counts {
	u64 searches;
	u64 handler_ns;
	u64 search_ns;
};

DEFINE_STATIC_KEY_FALSE(vexfs_search_time_on);

/* Held while the key and the round are changed. */
static DEFINE_MUTEX(switching);

/* Protects the counts, and the round as far as it says what they are of. */
static DEFINE_SPINLOCK(counts_lock);
static struct counts counts;
static u64 current_round;	/* 0 while off */

static struct dentry *directory;

void vexfs_search_time_start(struct vexfs_search_time *time)
{
	/* Pairs with begin_round(): who sees the round sees the key on from here on. */
	time->round = smp_load_acquire(&current_round);
	time->begun = ktime_get_ns();
}

void vexfs_search_time_count(const struct vexfs_search_time *time)
{
	u64 handler_ns = ktime_get_ns() - time->begun;

	spin_lock(&counts_lock);
	if (time->round == current_round) {
		counts.searches++;
		counts.handler_ns += handler_ns;
		counts.search_ns += time->search_ns;
	}
	spin_unlock(&counts_lock);
}

static void begin_round(u64 round)
{
	spin_lock(&counts_lock);
	if (round)
		counts = (struct counts){};
	/* Pairs with vexfs_search_time_start(). */
	smp_store_release(&current_round, round);
	spin_unlock(&counts_lock);
}

static void switch_on(void)
{
	static u64 last_round;

	mutex_lock(&switching);
	static_branch_enable(&vexfs_search_time_on);
	begin_round(++last_round);
	mutex_unlock(&switching);
}

static void switch_off(void)
{
	mutex_lock(&switching);
	begin_round(0);
	static_branch_disable(&vexfs_search_time_on);
	mutex_unlock(&switching);
}

static ssize_t search_time_write(struct file *file, const char __user *from, size_t bytes,
				 loff_t *pos)
{
	char text[2];

	if (!bytes || bytes > sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, bytes))
		return -EFAULT;
	if (bytes == 2 && text[1] != '\n')
		return -EINVAL;
	switch (text[0]) {
	case '0':
		switch_off();
		return bytes;
	case '1':
		switch_on();
		return bytes;
	default:
		return -EINVAL;
	}
}

static int search_time_show(struct seq_file *seq, void *unused)
{
	struct counts now;

	spin_lock(&counts_lock);
	now = counts;
	spin_unlock(&counts_lock);
	seq_printf(seq, "searches %llu handler_ns %llu search_ns %llu\n", now.searches,
		   now.handler_ns, now.search_ns);
	return 0;
}

static int search_time_open(struct inode *inode, struct file *file)
{
	return single_open(file, search_time_show, NULL);
}

/* An open file holds the module by its owner. */
static const struct file_operations search_time_fops = {
	.owner = THIS_MODULE,
	.open = search_time_open,
	.read = seq_read,
	.write = search_time_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* Nobody needs the file, so no error of debugfs matters, its absence included. */
void vexfs_search_time_create(void)
{
	directory = debugfs_create_dir("vexfs", NULL);
	debugfs_create_file("search_time", 0600, directory, NULL, &search_time_fops);
}

void vexfs_search_time_remove(void)
{
	debugfs_remove(directory);
}

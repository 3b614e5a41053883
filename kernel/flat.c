// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/fpu.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "flat.h"

/*
 * Preemption is off while the FPU is in use, so rows are compared in batches:
 * 128 KiB take some 64 us where memory gives no more than 2 GB/s, and a tenth
 * of that as a rule.  A batch is at most 256 rows, which is a multiple of the
 * rows that the scans take in one step, so that only the last one has a tail.
 */
#define BATCH_BYTES	(128 * 1024)
#define BATCH_ROWS	256
#define BATCH_STEP	8

static u32 rows_per_batch(u32 stride)
{
	u32 rows = BATCH_BYTES / (stride * sizeof(u32));

	return clamp(round_down(rows, BATCH_STEP), BATCH_STEP, BATCH_ROWS);
}

int vexfs_flat_search(const struct vexfs_scan *scan, struct vexfs_topk *top)
{
	const u32 step = rows_per_batch(scan->stride);
	struct vexfs_scan batch = *scan;
	u32 left, found, i;
	int err = 0;
	u64 *near;

	near = kmalloc_array(step, sizeof(*near), GFP_KERNEL);
	if (!near)
		return -ENOMEM;

	for (left = scan->count; left; left -= batch.count) {
		batch.count = min(left, step);
		/*
		 * Rows come in ascending order, so one that is as far as the
		 * worst so far has the greater key: it is out as well.
		 */
		batch.limit = min(vexfs_topk_bound(top) >> 32, VEXFS_NO_LIMIT);

		kernel_fpu_begin();
		found = vexfs_scan_best(&batch, near);
		kernel_fpu_end();

		for (i = 0; i < found; i++)
			vexfs_topk_add(top, near[i]);

		batch.rows += (size_t)batch.count * batch.stride;
		batch.first += batch.count;

		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		cond_resched();
	}
	kfree(near);
	vexfs_topk_sort(top);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A search from its beginning to its end: what the index covers, by its kind, and the other
 * rows one by one.
 */
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "kind.h"
#include "search.h"
#include "simd.h"
#include "uapi/vexfs.h"

/* Rows that are scanned in one section of the FPU at most. */
#define SCAN_ROWS	256
/* Rows that are gathered in one section at most: their keys are on the stack. */
#define GATHER_ROWS	64
/* The implementations take at most so many at a time. */
#define STEP_ROWS	8

static u32 read_ns(const struct vexfs_rows *rows)
{
	return VEXFS_READ_NS(rows->stride * sizeof(*rows->elements));
}

/* Compares all rows from @first on. */
static int scan_rows(struct vexfs_job *job, u32 first)
{
	const struct vexfs_rows *rows = job->rows;
	const u32 step = vexfs_batch(read_ns(rows), STEP_ROWS, SCAN_ROWS);
	struct vexfs_scan scan = {
		.query = job->query,
		.rows = rows->elements + (size_t)first * rows->stride,
		.query_inverse = job->query_inverse,
		.stride = rows->stride,
		.first = first,
	};
	u32 left = rows->rows - first, found, i;
	int err = 0;
	u64 *near;

	if (!left)
		return 0;
	near = kmalloc_array(step, sizeof(*near), GFP_KERNEL);
	if (!near)
		return -ENOMEM;

	job->evaluated += left;
	for (; left && !err; left -= scan.count) {
		scan.count = min(left, step);
		if (job->metric == VEXFS_METRIC_COSINE)
			scan.inverse = rows->inverse + scan.first;
		/*
		 * Rows come in ascending order, so one that is as far as the
		 * worst so far has the greater key: it is out as well.
		 */
		scan.limit = vexfs_topk_bound(job->top) >> 32;

		kernel_fpu_begin();
		found = vexfs_simd.distance.scan[job->metric](&scan, near);
		kernel_fpu_end();

		for (i = 0; i < found; i++)
			vexfs_topk_add(job->top, near[i]);

		scan.rows += (size_t)scan.count * scan.stride;
		scan.first += scan.count;
		err = vexfs_relax();
	}
	kfree(near);
	return err;
}

int vexfs_rerank(struct vexfs_job *job, const u32 *list, u32 count)
{
	const struct vexfs_rows *rows = job->rows;
	const u32 step = vexfs_batch(VEXFS_MISS_NS + read_ns(rows), STEP_ROWS, GATHER_ROWS);
	struct vexfs_gather gather = {
		.query = job->query,
		.elements = rows->elements,
		.inverse = rows->inverse,
		.query_inverse = job->query_inverse,
		.stride = rows->stride,
	};
	u64 keys[GATHER_ROWS];
	int err = 0;
	u32 i;

	job->evaluated += count;
	for (; count && !err; count -= gather.count) {
		gather.list = list;
		gather.count = min(count, step);

		kernel_fpu_begin();
		vexfs_simd.distance.gather[job->metric](&gather, keys);
		kernel_fpu_end();

		for (i = 0; i < gather.count; i++)
			vexfs_topk_add(job->top, keys[i]);

		list += gather.count;
		err = vexfs_relax();
	}
	return err;
}

u32 vexfs_query_inverse(const u32 *query, u32 stride)
{
	const struct vexfs_scan one = {
		.query = query,
		.rows = query,
		.stride = stride,
		.count = 1,
	};
	u32 inverse;

	vexfs_simd.distance.inverses(&one, &inverse);
	return inverse;
}

int vexfs_search(struct vexfs_index *index, const struct vexfs_rows *rows,
		 const struct vexfs_query *query, struct vexfs_topk *top, u64 *evaluated)
{
	struct vexfs_job job = {
		.index = index,
		.rows = rows,
		.query = query->elements,
		.metric = query->metric,
		.effort = query->effort,
		.top = top,
	};
	int err = 0;

	if (job.metric == VEXFS_METRIC_COSINE) {
		kernel_fpu_begin();
		job.query_inverse = vexfs_query_inverse(job.query, rows->stride);
		kernel_fpu_end();
	}
	if (index) {
		if (!job.effort)
			job.effort = index->effort;
		err = index->ops->search(&job);
	}
	if (!err)
		err = scan_rows(&job, index ? index->rows : 0);
	vexfs_topk_sort(top);
	*evaluated = job.evaluated;
	return err;
}

int vexfs_inverse_lengths(const struct vexfs_rows *rows, u32 *inverse)
{
	const u32 step = vexfs_batch(read_ns(rows), STEP_ROWS, SCAN_ROWS);
	struct vexfs_scan scan = { .rows = rows->elements, .stride = rows->stride };
	u32 left;
	int err = 0;

	for (left = rows->rows; left && !err; left -= scan.count) {
		scan.count = min(left, step);
		/* Not looked at, but read. */
		scan.query = scan.rows;

		kernel_fpu_begin();
		vexfs_simd.distance.inverses(&scan, inverse);
		kernel_fpu_end();

		scan.rows += (size_t)scan.count * scan.stride;
		inverse += scan.count;
		err = vexfs_relax();
	}
	return err;
}

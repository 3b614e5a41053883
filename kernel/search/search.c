// SPDX-License-Identifier: GPL-2.0-only
/*
 * A search from its beginning to its end: what the index covers, by its kind, and the other
 * rows one by one.
 */
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "search/filter.h"
#include "search/index.h"
#include "search/kind.h"
#include "search/rerank.h"
#include "search/rows.h"
#include "search/search.h"
#include "search/topk.h"
#include "simd/fpu_section.h"
#include "simd/simd.h"
#include "uapi/vexfs.h"

/* Compares all rows from @first on. */
static int scan_rows(struct vexfs_job *job, u32 first)
{
	const struct vexfs_rows *rows = job->rows;
	const u32 step = vexfs_scan_batch(rows);
	struct vexfs_scan scan = {
		.query = job->query,
		.query_inverse = job->query_inverse,
		.stride = rows->stride,
		.first = first,
	};
	u32 left = rows->rows - first, found, i;
	struct vexfs_run run;
	int err = 0;
	u64 *near;

	if (!left)
		return 0;
	near = kmalloc_array(step, sizeof(*near), GFP_KERNEL);
	if (!near)
		return -ENOMEM;

	job->evaluated += left;
	for (; left && !err; left -= scan.count) {
		run = vexfs_run_from(rows, scan.first);
		scan.count = min3(left, run.rows, step);
		scan.rows = run.at.elements;
		if (job->metric == VEXFS_METRIC_COSINE)
			scan.inverse = run.at.inverse;
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

		scan.first += scan.count;
		err = vexfs_relax();
	}
	kfree(near);
	return err;
}

/* Rows of a filter that are compared at a time, and words of it between two of them. */
#define ROWS	256
#define WORDS	4096

/* Compares the rows of the filter from @first to before @end. */
static int compare_filtered(struct vexfs_job *job, u32 first, u32 end)
{
	const struct vexfs_filter *filter = job->filter;
	const u32 last = min_t(u64, DIV_ROUND_UP_ULL(end, 64), filter->count);
	u32 *list, count = 0, word;
	int err = 0;

	if (first == end)
		return 0;
	list = kcalloc(ROWS + 64 + VEXFS_LIST_AHEAD, sizeof(*list), GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	for (word = first / 64; word < last && !err; word++) {
		count += vexfs_filter_list(filter, word, first, end, list + count);
		if (count >= ROWS) {
			err = vexfs_rerank(job, list, count);
			count = 0;
		} else if (word % WORDS == 0) {
			err = vexfs_relax();
		}
	}
	if (!err)
		err = vexfs_rerank(job, list, count);
	kfree(list);
	return err;
}

/* Compares the rows from @first to the end: all, or those of the filter. */
static int compare_rows(struct vexfs_job *job, u32 first)
{
	if (job->filter)
		return compare_filtered(job, first, job->rows->rows);
	return scan_rows(job, first);
}

/* With a filter an index looks for more, or it is not asked where that saves nothing. */
static int search_filtered(struct vexfs_job *job)
{
	const u32 covered = job->index->rows;
	const u32 there = vexfs_filter_below(job->filter, covered);
	const u32 times = vexfs_filter_times(job->filter, covered,
					     max(job->effort, job->top->k));
	int err;

	if (times) {
		job->effort = min_t(u64, (u64)job->effort * times, VEXFS_EFFORT_MAX);
		job->k = job->top->k * times;
		err = job->index->ops->search(job);
		if (err || job->evaluated >= min(there, job->top->k))
			return err;
		job->top->count = 0;
	}
	return compare_filtered(job, 0, covered);
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
		.k = top->k,
		.filter = query->filter,
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
		err = job.filter ? search_filtered(&job) : index->ops->search(&job);
	}
	if (!err)
		err = compare_rows(&job, index ? index->rows : 0);
	vexfs_topk_sort(top);
	*evaluated = job.evaluated;
	return err;
}

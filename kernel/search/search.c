// SPDX-License-Identifier: GPL-2.0-only
/*
 * A search from its beginning to its end: what the index covers, by its kind, and the other
 * rows one by one.
 */
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "search/among.h"
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

/* Rows of a list that are compared at a time, and blocks between two looks at others. */
#define ROWS	256
#define BLOCKS	4096

/* Room for them, and for what a block adds. */
static u32 *alloc_list(void)
{
	static_assert(VEXFS_INDEX_BLOCK <= ROWS);

	return kcalloc(2 * ROWS + VEXFS_LIST_AHEAD, sizeof(u32), GFP_KERNEL);
}

/* Lists the rows from @first to before @end, or those of a filter. */
static u32 list_rows(const struct vexfs_filter *filter, u32 first, u32 end, u32 *list)
{
	u32 count = 0, word, last;

	if (!filter) {
		for (; first < end; first++)
			list[count++] = first;
		return count;
	}
	last = min_t(u64, DIV_ROUND_UP_ULL(end, 64), filter->count);
	for (word = first / 64; word < last; word++)
		count += vexfs_filter_list(filter, word, first, end, list + count);
	return count;
}

/* Compares the rows of the filter from @first to before @end. */
static int compare_filtered(struct vexfs_job *job, u32 first, u32 end)
{
	u32 *list, count = 0, step = 0, next;
	int err = 0;

	if (first == end)
		return 0;
	list = alloc_list();
	if (!list)
		return -ENOMEM;
	for (; first < end && !err; first = next) {
		next = min_t(u64, end, (u64)round_down(first, ROWS) + ROWS);
		count += list_rows(job->among.filter, first, next, list + count);
		if (count >= ROWS) {
			err = vexfs_compare(job, list, count);
			count = 0;
		} else if (step++ % BLOCKS == 0) {
			err = vexfs_relax();
		}
	}
	if (!err)
		err = vexfs_compare(job, list, count);
	kfree(list);
	return err;
}

/* Compares the rows of the blocks that have changed, or of those that have not. */
static int compare_blocks(struct vexfs_job *job, bool changed)
{
	const struct vexfs_changes *changes = job->among.changes;
	const u32 blocks = vexfs_blocks_of(changes->covered);
	u32 *list, count = 0, block;
	int err = 0;

	list = alloc_list();
	if (!list)
		return -ENOMEM;
	for (block = 0; block < blocks && !err; block++) {
		/* Most words have none. */
		if (changed && block % 64 == 0 && !changes->words[block / 64]) {
			block += 63;
			continue;
		}
		if (vexfs_changes_has_block(changes, block) == changed)
			count += list_rows(job->among.filter, block * VEXFS_INDEX_BLOCK,
					   vexfs_block_end(changes->covered, block),
					   list + count);
		if (count >= ROWS) {
			err = vexfs_compare(job, list, count);
			count = 0;
		} else if (block % BLOCKS == 0) {
			err = vexfs_relax();
		}
	}
	if (!err)
		err = vexfs_compare(job, list, count);
	kfree(list);
	return err;
}

/* Compares the rows from @first to the end: all, or those of the filter. */
static int compare_rows(struct vexfs_job *job, u32 first)
{
	if (job->among.filter)
		return compare_filtered(job, first, job->rows->rows);
	return scan_rows(job, first);
}

/* Where not all rows may be found, an index looks for more, or it is not asked. */
static int search_among(struct vexfs_job *job)
{
	const u32 covered = job->index->rows;
	u32 there;
	int err;

	err = vexfs_among_count(&job->among, covered, &there);
	if (err)
		return err;
	if (vexfs_among_ask(there, covered, &job->effort, &job->k)) {
		err = job->index->ops->search(job);
		if (err || job->evaluated >= min(there, job->top->k))
			return err;
		job->top->count = 0;
	}
	if (job->among.changes)
		return compare_blocks(job, false);
	return compare_filtered(job, 0, covered);
}

static int search_index(struct vexfs_job *job)
{
	int err;

	if (!job->effort)
		job->effort = job->index->effort;
	if (vexfs_among_all(&job->among))
		return job->index->ops->search(job);
	err = search_among(job);
	if (!err && job->among.changes)
		err = compare_blocks(job, true);
	return err;
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
		.among = { query->filter, query->changes },
		.top = top,
	};
	int err = 0;

	if (job.metric == VEXFS_METRIC_COSINE) {
		kernel_fpu_begin();
		job.query_inverse = vexfs_query_inverse(job.query, rows->stride);
		kernel_fpu_end();
	}
	if (index)
		err = search_index(&job);
	if (!err)
		err = compare_rows(&job, index ? index->rows : 0);
	vexfs_topk_sort(top);
	*evaluated = job.evaluated;
	return err;
}

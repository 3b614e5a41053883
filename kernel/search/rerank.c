// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/minmax.h>

#include "search/among.h"
#include "search/rerank.h"
#include "search/rows.h"
#include "search/topk.h"
#include "simd/fpu_section.h"
#include "simd/simd.h"

/* Rows that are gathered in one section at most: their keys are on the stack. */
#define GATHER_ROWS	64

/* Moves the rows that may be found to the front of the list, and returns how many these are. */
static u32 keep_rows(const struct vexfs_among *among, u32 *list, u32 count)
{
	u32 kept = 0, i;

	for (i = 0; i < count; i++) {
		const u32 row = list[i];

		list[kept] = row;
		kept += vexfs_among_has(among, row);
	}
	return kept;
}

int vexfs_compare(struct vexfs_job *job, const u32 *list, u32 count)
{
	const struct vexfs_rows *rows = job->rows;
	const u32 step = vexfs_batch(VEXFS_MISS_NS + vexfs_row_ns(rows), VEXFS_STEP_ROWS,
				     GATHER_ROWS);
	struct vexfs_gather gather = {
		.query = job->query,
		.elements = rows->elements,
		.inverse = rows->inverse,
		.pieces = rows->pieces,
		.shift = rows->shift,
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

int vexfs_rerank(struct vexfs_job *job, u32 *list, u32 count)
{
	int err;

	if (!vexfs_among_all(&job->among)) {
		count = keep_rows(&job->among, list, count);
		err = vexfs_relax();
		if (err)
			return err;
	}
	return vexfs_compare(job, list, count);
}

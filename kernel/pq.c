// SPDX-License-Identifier: GPL-2.0-only
/*
 * PQ with codes of four bits (Jegou, Douze & Schmid 2011; Andre, Kermarrec & Le Scouarnec
 * 2015).
 */
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "check.h"
#include "kind.h"
#include "layout.h"
#include "query.h"
#include "scratch.h"
#include "select.h"
#include "simd.h"
#include "uapi/vexfs.h"

#define MAX_M		256
#define NBITS		4
/* Groups that are scanned at once, at most; rows that are re-ranked. */
#define GROUPS		64
#define ROWS		256

enum { CODEBOOK, CODES };

static const char *params(const struct vexfs_index_header *header, u64 *bytes)
{
	const u64 groups = DIV_ROUND_UP_ULL(le64_to_cpu(header->rows), VEXFS_PQ_GROUP);
	const u32 m = vexfs_param(header, 0);
	const u32 sub = vexfs_param(header, 2);

	if (m < 2 || m > MAX_M || m % 2)
		return "m is out of range";
	if (vexfs_param(header, 1) != NBITS)
		return "nbits is not 4";
	if (sub != DIV_ROUND_UP(le32_to_cpu(header->dim), m))
		return "the sub-vectors do not make up a vector";
	if (!vexfs_no_params(header, 3))
		return "a parameter that the kind does not have is not 0";

	/* Below 2^27 groups of at most 4,096 bytes: none exceeds 2^48. */
	bytes[CODEBOOK] = (u64)m * VEXFS_PQ_CENTROIDS * sub * sizeof(u32);
	bytes[CODES] = groups * (m / 2) * VEXFS_PQ_GROUP;
	return NULL;
}

/*
 * From [m][16][sub] to [m][sub][16]: the distances from all centroids are computed side
 * by side.
 */
static int transpose(u32 *codebook, u32 m, u32 sub)
{
	const size_t part = VEXFS_PQ_CENTROIDS * sub;
	u32 *copy, s, c, j;

	copy = kvmalloc_array(part, sizeof(*copy), GFP_INDEX);
	if (!copy)
		return -ENOMEM;
	for (s = 0; s < m; s++, codebook += part) {
		memcpy(copy, codebook, part * sizeof(*copy));
		for (c = 0; c < VEXFS_PQ_CENTROIDS; c++)
			for (j = 0; j < sub; j++)
				codebook[j * VEXFS_PQ_CENTROIDS + c] = copy[c * sub + j];
	}
	kvfree(copy);
	return 0;
}

static int load(struct vexfs_index *index, const struct vexfs_index_header *header,
		void *const *section, const char **fault)
{
	struct vexfs_pq *pq = &index->pq;
	int err;

	pq->m = vexfs_param(header, 0);
	pq->sub = vexfs_param(header, 2);
	pq->codebook = section[CODEBOOK];
	/* Any byte is a pair of codes. */
	pq->codes = section[CODES];

	*fault = "a centroid is not finite";
	err = vexfs_check_finite(pq->codebook, (u64)pq->m * VEXFS_PQ_CENTROIDS * pq->sub);
	if (err)
		return err;
	return transpose(section[CODEBOOK], pq->m, pq->sub);
}

static int scan_groups(struct vexfs_job *job, const u8 *table, struct vexfs_select *rows)
{
	const struct vexfs_pq *pq = &job->index->pq;
	const u32 covered = job->index->rows;
	const size_t group_bytes = pq->m / 2 * VEXFS_PQ_GROUP;
	const u32 step = vexfs_batch(VEXFS_READ_NS(group_bytes), 1, GROUPS);
	struct vexfs_pq_scan scan = {
		.table = table,
		.codes = pq->codes,
		.pairs = pq->m / 2,
	};
	u32 left = DIV_ROUND_UP_ULL(covered, VEXFS_PQ_GROUP);
	/* A bound is soon found in few rows, and leaves few of the many that follow. */
	u32 most = rows->want / VEXFS_PQ_GROUP + 1;
	int err = 0;

	for (; left && !err; left -= scan.groups, most *= 2) {
		most = min(most, step);
		scan.groups = min(left, most);
		if (rows->count > 2 * rows->want ||
		    !vexfs_select_has_room(rows, scan.groups * VEXFS_PQ_GROUP))
			vexfs_select_cut(rows);
		/* Rows ascend: one with the sum of the worst so far is the greater key. */
		scan.limit = min(rows->bound >> 32, 0xffff);

		kernel_fpu_begin();
		rows->count += vexfs_simd.pq_scan(&scan, rows->keys + rows->count);
		kernel_fpu_end();

		scan.codes += scan.groups * group_bytes;
		scan.first += scan.groups * VEXFS_PQ_GROUP;
		err = vexfs_relax();
	}
	/* The last group may go on beyond the last row. */
	while (rows->count && (u32)rows->keys[rows->count - 1] >= covered)
		rows->count--;
	return err;
}

static int rerank(struct vexfs_job *job, const struct vexfs_select *rows, u32 *list)
{
	u32 done, count, i;
	int err = 0;

	for (done = 0; done < rows->count && !err; done += count) {
		count = min(rows->count - done, ROWS);
		for (i = 0; i < count; i++)
			list[i] = (u32)rows->keys[done + i];
		err = vexfs_rerank(job, list, count);
	}
	return err;
}

static int search(struct vexfs_job *job)
{
	const struct vexfs_index *index = job->index;
	const struct vexfs_pq *pq = &index->pq;
	const bool l2 = job->metric == VEXFS_METRIC_L2;
	const u32 want = max(job->effort, job->top->k);
	const u32 padded = round_up(pq->m * pq->sub, VEXFS_LANES);
	const u32 room = vexfs_select_room(min(want, index->rows), GROUPS * VEXFS_PQ_GROUP);
	/* The query, its table in floats and in bytes, keys, rows. */
	const size_t query_bytes = padded * sizeof(u32);
	const size_t float_bytes = pq->m * VEXFS_PQ_CENTROIDS * sizeof(u32);
	const size_t table_bytes = round_up(pq->m * VEXFS_PQ_CENTROIDS, 64);
	const size_t keys_bytes = room * sizeof(u64);
	const size_t list_bytes = (ROWS + VEXFS_LIST_AHEAD) * sizeof(u32);
	struct vexfs_scratch *scratch;
	struct vexfs_select rows;
	void *memory, *table;
	u32 *query;
	int err;

	scratch = vexfs_scratch_get(job->index, 0, 0, query_bytes + float_bytes + table_bytes +
				    keys_bytes + list_bytes, &memory);
	if (!scratch)
		return -ENOMEM;
	query = memory;
	table = memory + query_bytes + float_bytes;
	vexfs_select_init(&rows, table + table_bytes, want, room);
	memcpy(query, job->query, index->dim * sizeof(*query));
	memset(query + index->dim, 0, (padded - index->dim) * sizeof(*query));

	kernel_fpu_begin();
	if (job->metric == VEXFS_METRIC_COSINE)
		vexfs_query_multiply(query, job->query_inverse, padded, query);
	vexfs_query_table(l2, query, pq->codebook, pq->m, pq->sub, memory + query_bytes, table);
	kernel_fpu_end();

	err = scan_groups(job, table, &rows);
	if (!err) {
		vexfs_select_cut(&rows);
		err = rerank(job, &rows, table + table_bytes + keys_bytes);
	}
	vexfs_scratch_put(job->index, scratch);
	return err;
}

const struct vexfs_kind vexfs_kind_pq = {
	.name = "PQ",
	.sections = CODES + 1,
	.params = params,
	.load = load,
	.search = search,
};

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

#include "search/array_check.h"
#include "search/kind.h"
#include "search/layout.h"
#include "search/prepare.h"
#include "search/query.h"
#include "search/rerank.h"
#include "search/scratch.h"
#include "search/select.h"
#include "search/sums.h"
#include "simd/simd.h"
#include "uapi/vexfs.h"

#define MAX_M		256
#define NBITS		4
/* An entry of a table. */
#define MOST		255
/* Groups that are scanned at once, at most; rows that are re-ranked. */
#define GROUPS		64
/* Groups after which the limit is looked at; what it may take to count a row. */
#define PIECE		8U
#define COUNT_NS	5
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

	copy = kvmalloc_array(part, sizeof(*copy), VEXFS_GFP_INDEX);
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

/* Scans the groups of one section of the FPU, for which there is room. */
static void scan_section(struct vexfs_pq_scan *scan, u32 groups, u32 covered,
			 struct vexfs_sums *rows)
{
	const size_t group_bytes = scan->pairs * VEXFS_PQ_GROUP;
	u64 *next;
	u32 found;

	for (; groups; groups -= scan->groups) {
		/* Each piece lowers the limit for the next one. */
		scan->groups = min(groups, PIECE);
		scan->limit = rows->limit;
		next = rows->keys + rows->count;
		found = vexfs_simd.pq_scan(scan, next);
		/* The last group may go on beyond the last row. */
		while (found && (u32)next[found - 1] >= covered)
			found--;
		vexfs_sums_added(rows, found);
		scan->codes += scan->groups * group_bytes;
		scan->first += scan->groups * VEXFS_PQ_GROUP;
	}
}

static int scan_groups(struct vexfs_job *job, const u8 *table, struct vexfs_sums *rows)
{
	const struct vexfs_pq *pq = &job->index->pq;
	const u32 covered = job->index->rows;
	const u32 group_ns = VEXFS_READ_NS(pq->m / 2 * VEXFS_PQ_GROUP) + COUNT_NS * VEXFS_PQ_GROUP;
	const u32 step = vexfs_batch(group_ns, 1, GROUPS);
	struct vexfs_pq_scan scan = {
		.table = table,
		.codes = pq->codes,
		.pairs = pq->m / 2,
	};
	u32 left = DIV_ROUND_UP_ULL(covered, VEXFS_PQ_GROUP);
	u32 groups;
	int err = 0;

	for (; left && !err; left -= groups) {
		groups = min(left, step);
		if (!vexfs_sums_have_room(rows, groups * VEXFS_PQ_GROUP))
			vexfs_sums_cut(rows);

		kernel_fpu_begin();
		scan_section(&scan, groups, covered, rows);
		kernel_fpu_end();
		err = vexfs_relax();
	}
	return err;
}

static int rerank(struct vexfs_job *job, const struct vexfs_sums *rows, u32 *list)
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
	const u32 want = max(job->effort, job->k);
	const u32 padded = round_up(pq->m * pq->sub, VEXFS_LANES);
	struct vexfs_sums rows = {
		.want = want,
		.room = vexfs_select_room(min(want, index->rows), GROUPS * VEXFS_PQ_GROUP),
	};
	/* The query, its table in floats and in bytes, keys, their bins, rows. */
	const size_t query_bytes = padded * sizeof(u32);
	const size_t float_bytes = pq->m * VEXFS_PQ_CENTROIDS * sizeof(u32);
	const size_t table_bytes = round_up(pq->m * VEXFS_PQ_CENTROIDS, 64);
	const size_t keys_bytes = rows.room * sizeof(u64);
	const size_t bins_bytes = VEXFS_SUM_BINS * sizeof(u32);
	const size_t list_bytes = (ROWS + VEXFS_LIST_AHEAD) * sizeof(u32);
	struct vexfs_scratch *scratch;
	void *memory, *table;
	u32 *query;
	int err = 0;

	scratch = vexfs_scratch_get(job->index, 0, 0, query_bytes + float_bytes + table_bytes +
				    keys_bytes + bins_bytes + list_bytes, &memory);
	if (!scratch)
		return -ENOMEM;
	query = memory;
	table = memory + query_bytes + float_bytes;
	rows.keys = table + table_bytes;
	rows.bins = table + table_bytes + keys_bytes;
	vexfs_sums_init(&rows, pq->m * MOST);
	memcpy(query, job->query, index->dim * sizeof(*query));
	memset(query + index->dim, 0, (padded - index->dim) * sizeof(*query));

	vexfs_fpu_begin(&job->fpu);
	if (job->metric == VEXFS_METRIC_COSINE)
		err = vexfs_prepare_multiply(&job->fpu, query, job->query_inverse, padded, query);
	if (!err)
		err = vexfs_prepare_table(&job->fpu, l2, query, pq->codebook, pq->m, pq->sub,
					  memory + query_bytes, table);
	vexfs_fpu_end(&job->fpu);

	if (!err)
		err = scan_groups(job, table, &rows);
	if (!err) {
		vexfs_sums_finish(&rows);
		err = rerank(job, &rows, table + table_bytes + keys_bytes + bins_bytes);
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

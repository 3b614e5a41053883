// SPDX-License-Identifier: GPL-2.0-only
/*
 * IVF: an inverted file of codes (Jegou, Douze & Schmid 2011).
 */
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/prefetch.h>
#include <linux/string.h>

#include "search/array_check.h"
#include "search/kind.h"
#include "search/layout.h"
#include "search/prepare.h"
#include "search/rerank.h"
#include "search/scratch.h"
#include "simd/simd.h"
#include "uapi/vexfs.h"

#define MAX_LISTS	65536
#define MAX_RERANK	65536
/* Centroids and codes that are compared at once, at most; rows that are re-ranked. */
#define BATCH		512
#define ROWS		256
/* What it may take to add a node to the nearest ones. */
#define ADD_NS		20

enum { CENTROIDS, QUANT, STARTS, ROWS_OF_NODES, CODES };

static const char *params(const struct vexfs_index_header *header, u64 *bytes)
{
	const u64 rows = le64_to_cpu(header->rows);
	const u32 lists = vexfs_param(header, 0);
	const u32 rerank = vexfs_param(header, 1);

	if (!lists || lists > MAX_LISTS || lists > rows)
		return "nlist is out of range";
	if (!rerank || rerank > MAX_RERANK)
		return "rerank is out of range";
	if (!vexfs_no_params(header, 2))
		return "a parameter that the kind does not have is not 0";

	/* Below 2^32 rows of at most 32,768 codes: none exceeds 2^48. */
	bytes[CENTROIDS] = lists * vexfs_vector_bytes(header);
	bytes[QUANT] = vexfs_quantizer_bytes(header);
	bytes[STARTS] = (lists + 1) * sizeof(u32);
	bytes[ROWS_OF_NODES] = rows * sizeof(u32);
	bytes[CODES] = rows * vexfs_code_bytes(header);
	return NULL;
}

static int load(struct vexfs_index *index, const struct vexfs_index_header *header,
		void *const *section, const char **fault)
{
	struct vexfs_ivf *ivf = &index->ivf;
	int err;

	ivf->lists = vexfs_param(header, 0);
	ivf->rerank = vexfs_param(header, 1);
	ivf->centroids = section[CENTROIDS];
	ivf->starts = section[STARTS];
	ivf->row_of = section[ROWS_OF_NODES];
	ivf->codes = section[CODES];

	*fault = "a centroid is not finite or goes beyond the dimension";
	err = vexfs_check_vectors(ivf->centroids, ivf->lists, index->dim);
	if (err)
		return err;
	*fault = "the lists do not follow each other";
	err = vexfs_check_starts(ivf->starts, ivf->lists, index->rows);
	if (err)
		return err;
	*fault = "the rows of the nodes are no permutation";
	err = vexfs_check_permutation(ivf->row_of, index->rows);
	if (err || index->exact)
		return err;
	ivf->quantizer.offset = section[QUANT];
	ivf->quantizer.scale = ivf->quantizer.offset[round_up(index->dim, VEXFS_LANES)];
	*fault = "the quantizer is unsound";
	err = vexfs_check_quantizer(section[QUANT], index->dim);
	if (err)
		return err;
	*fault = "a code is -128 or beyond the dimension";
	return vexfs_check_codes(ivf->codes, index->rows, index->dim);
}

/* Collects the keys of the nearest lists. */
static int choose(struct vexfs_job *job, u64 *near, struct vexfs_topk *lists)
{
	const struct vexfs_ivf *ivf = &job->index->ivf;
	const u32 stride = round_up(job->index->dim, VEXFS_LANES);
	const u32 read_ns = VEXFS_READ_NS(stride * sizeof(u32));
	const u32 step = vexfs_batch(read_ns, VEXFS_STEP_ROWS, BATCH);
	/* The centroids' lengths are no part of cosine. */
	const u32 metric = job->metric == VEXFS_METRIC_L2 ? VEXFS_METRIC_L2 : VEXFS_METRIC_IP;
	struct vexfs_scan scan = {
		.query = job->query,
		.rows = ivf->centroids,
		.stride = stride,
	};
	u32 found, left, i;
	int err = 0;

	for (left = ivf->lists; left && !err; left -= scan.count) {
		scan.count = min(left, step);
		scan.limit = vexfs_topk_bound(lists) >> 32;
		kernel_fpu_begin();
		found = vexfs_simd.distance.scan[metric](&scan, near);
		kernel_fpu_end();
		for (i = 0; i < found; i++)
			vexfs_topk_add(lists, near[i]);
		scan.first += scan.count;
		scan.rows += (size_t)scan.count * stride;
		err = vexfs_relax();
	}
	/* The nearest first: it will lower the bound on the nodes the most. */
	vexfs_topk_sort(lists);
	return err;
}

/* Collects the keys of the nearest nodes, through @near, which has room for a batch. */
static int scan_list(struct vexfs_job *job, struct vexfs_code_scan *scan, vexfs_code_fn *scan_codes,
		     u32 list, u64 *near, struct vexfs_topk *nodes)
{
	const struct vexfs_ivf *ivf = &job->index->ivf;
	const u32 node_ns = VEXFS_READ_NS(scan->stride) + ADD_NS;
	const u32 step = vexfs_batch(node_ns, 4, BATCH);
	u32 left = ivf->starts[list + 1] - ivf->starts[list];
	u32 found, i;
	int err;

	/* Empty lists take time, too, and there may be nothing else. */
	err = vexfs_fpu_spend(&job->fpu, VEXFS_MISS_NS);
	if (err)
		return err;
	scan->first = ivf->starts[list];
	for (; left; left -= scan->count, scan->first += scan->count) {
		scan->count = min(left, step);
		err = vexfs_fpu_spend(&job->fpu, VEXFS_MISS_NS + scan->count * node_ns);
		if (err)
			return err;
		/* One at the same distance as the worst so far may be the smaller node. */
		scan->limit = min((vexfs_topk_bound(nodes) >> 32) + 1, VEXFS_CODE_LIMIT);
		found = scan_codes(scan, near);
		for (i = 0; i < found; i++)
			vexfs_topk_add(nodes, near[i]);
	}
	return 0;
}

static int rerank(struct vexfs_job *job, const struct vexfs_topk *nodes, u32 *rows)
{
	const u32 *row_of = job->index->ivf.row_of;
	u32 done, count, i;
	int err = 0;

	for (done = 0; done < nodes->count && !err; done += count) {
		count = min(nodes->count - done, ROWS);
		for (i = 0; i < count; i++)
			rows[i] = row_of[(u32)nodes->keys[done + i]];
		err = vexfs_rerank(job, rows, count);
	}
	return err;
}

/* Without codes: the distance of every row of the lists. */
static int measure_lists(struct vexfs_job *job, const struct vexfs_topk *lists, u32 *rows)
{
	const struct vexfs_ivf *ivf = &job->index->ivf;
	u32 i, list, node, count;
	int err = 0;

	for (i = 0; i < lists->count && !err; i++) {
		list = lists->keys[i];
		for (node = ivf->starts[list]; node < ivf->starts[list + 1] && !err;
		     node += count) {
			count = min(ivf->starts[list + 1] - node, ROWS);
			memcpy(rows, ivf->row_of + node, count * sizeof(*rows));
			err = vexfs_rerank(job, rows, count);
		}
		/* Empty lists take time, too, and there may be nothing else. */
		if (!err && i % BATCH == 0)
			err = vexfs_relax();
	}
	return err;
}

/* The nearest nodes of the lists by code, and then the distances of their rows. */
static int search_codes(struct vexfs_job *job, const struct vexfs_topk *lists,
			struct vexfs_topk *nodes, s16 *codes, u32 *scratch, u64 *near, u32 *rows)
{
	const struct vexfs_ivf *ivf = &job->index->ivf;
	const u32 stride = round_up(job->index->dim, VEXFS_CODES);
	struct vexfs_code_scan scan = {
		.query = codes,
		.codes = ivf->codes,
		.stride = stride,
	};
	vexfs_code_fn *scan_codes = job->metric == VEXFS_METRIC_L2 ? vexfs_simd.code.scan_l2 :
								     vexfs_simd.code.scan_dot;
	u32 i;
	int err;

	vexfs_fpu_begin(&job->fpu);
	err = vexfs_prepare_codes(&job->fpu, &ivf->quantizer, job->metric, job->query,
				  job->query_inverse, job->index->dim, scratch, codes);
	for (i = 0; i < lists->count && !err; i++)
		err = scan_list(job, &scan, scan_codes, lists->keys[i], near, nodes);
	vexfs_fpu_end(&job->fpu);
	return err ?: rerank(job, nodes, rows);
}

static int search(struct vexfs_job *job)
{
	const struct vexfs_index *index = job->index;
	const struct vexfs_ivf *ivf = &index->ivf;
	const u32 stride = round_up(index->dim, VEXFS_CODES);
	const u32 padded = round_up(index->dim, VEXFS_LANES);
	struct vexfs_topk lists = { .k = min(job->effort, ivf->lists) };
	struct vexfs_topk nodes = { .k = min(max(ivf->rerank, 2 * job->k), index->rows) };
	/* Codes and vector of the query, a batch of keys, the lists, the nodes, rows. */
	const size_t code_bytes = stride * sizeof(s16);
	const size_t query_bytes = padded * sizeof(u32);
	const size_t near_bytes = BATCH * sizeof(u64);
	const size_t lists_bytes = lists.k * sizeof(u64);
	const size_t nodes_bytes = nodes.k * sizeof(u64);
	const size_t rows_bytes = (ROWS + VEXFS_LIST_AHEAD) * sizeof(u32);
	struct vexfs_scratch *scratch;
	void *memory, *near, *list;
	int err;

	scratch = vexfs_scratch_get(job->index, 0, 0, code_bytes + query_bytes + near_bytes +
				    lists_bytes + nodes_bytes + rows_bytes, &memory);
	if (!scratch)
		return -ENOMEM;
	near = memory + code_bytes + query_bytes;
	lists.keys = near + near_bytes;
	nodes.keys = near + near_bytes + lists_bytes;
	list = near + near_bytes + lists_bytes + nodes_bytes;

	err = choose(job, near, &lists);
	if (!err && index->exact)
		err = measure_lists(job, &lists, list);
	else if (!err)
		err = search_codes(job, &lists, &nodes, memory, memory + code_bytes, near, list);
	vexfs_scratch_put(job->index, scratch);
	return err;
}

const struct vexfs_kind vexfs_kind_ivf = {
	.name = "IVF",
	.sections = CODES + 1,
	.exact = true,
	.params = params,
	.load = load,
	.search = search,
};

// SPDX-License-Identifier: GPL-2.0-only
/*
 * HNSW (Malkov & Yashunin 2018).
 */
#include <linux/container_of.h>
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/prefetch.h>
#include <linux/string.h>

#include "search/array_check.h"
#include "search/kind.h"
#include "search/layout.h"
#include "search/pool.h"
#include "search/prepare.h"
#include "search/rerank.h"
#include "search/scratch.h"
#include "simd/simd.h"
#include "uapi/vexfs.h"

/* Neighbours of a node at most. */
#define MAX_LINKS	256
/* Nodes whose codes are compared at once, at most. */
#define BATCH		64
/* Rows are re-ranked in such batches. */
#define ROWS		256

enum { QUANT, ROWS_OF_NODES, CODES, LINKS, UPPER };

static const char *params(const struct vexfs_index_header *header, u64 *bytes)
{
	const u64 rows = le64_to_cpu(header->rows);
	const u32 m = vexfs_param(header, 0);
	const u32 m0 = vexfs_param(header, 1);
	const u32 levels = vexfs_param(header, 3);
	u64 nodes = rows, upper = 0;
	u32 l;

	if (m < 2 || m > 128)
		return "M is out of range";
	if (m0 < 2 || m0 > MAX_LINKS)
		return "M0 is out of range";
	if (!levels || levels > VEXFS_HNSW_LEVELS)
		return "the number of levels is out of range";
	for (l = 1; l < levels; l++) {
		if (!vexfs_param(header, 3 + l) || vexfs_param(header, 3 + l) > nodes)
			return "a level is empty or larger than the one below";
		nodes = vexfs_param(header, 3 + l);
		upper += nodes;
	}
	if (!vexfs_no_params(header, 3 + levels))
		return "a parameter that the kind does not have is not 0";

	/* Below 2^32 rows of at most 32,768 codes or 256 links: none exceeds 2^48. */
	bytes[QUANT] = vexfs_quantizer_bytes(header);
	bytes[ROWS_OF_NODES] = rows * sizeof(u32);
	bytes[CODES] = rows * vexfs_code_bytes(header);
	bytes[LINKS] = rows * m0 * sizeof(u32);
	bytes[UPPER] = upper * m * sizeof(u32);
	return NULL;
}

static int load(struct vexfs_index *index, const struct vexfs_index_header *header,
		void *const *section, const char **fault)
{
	struct vexfs_hnsw *hnsw = &index->hnsw;
	const u32 *upper = section[UPPER];
	u32 l, nodes;
	int err;

	hnsw->m = vexfs_param(header, 0);
	hnsw->m0 = vexfs_param(header, 1);
	hnsw->levels = vexfs_param(header, 3);
	hnsw->row_of = section[ROWS_OF_NODES];
	hnsw->codes = section[CODES];
	hnsw->links = section[LINKS];

	if (!index->exact) {
		hnsw->quantizer.offset = section[QUANT];
		hnsw->quantizer.scale =
			hnsw->quantizer.offset[round_up(index->dim, VEXFS_LANES)];
		*fault = "the quantizer is unsound";
		err = vexfs_check_quantizer(section[QUANT], index->dim);
		if (err)
			return err;
		*fault = "a code is -128 or beyond the dimension";
		err = vexfs_check_codes(hnsw->codes, index->rows, index->dim);
		if (err)
			return err;
	}
	*fault = "the rows of the nodes are no permutation";
	err = vexfs_check_permutation(hnsw->row_of, index->rows);
	if (err)
		return err;
	*fault = "a link leads to no node";
	err = vexfs_check_links(hnsw->links, index->rows, hnsw->m0, index->rows);
	for (l = 1; l < hnsw->levels && !err; l++) {
		nodes = vexfs_param(header, 3 + l);
		hnsw->upper[l] = upper;
		err = vexfs_check_links(upper, nodes, hnsw->m, nodes);
		upper += (size_t)nodes * hnsw->m;
	}
	return err;
}

struct hnsw_search {
	const struct vexfs_hnsw *hnsw;
	struct vexfs_code_scan scan;
	vexfs_code_fn *gather;
	/* Without codes: the rows themselves, through a list of them. */
	struct vexfs_gather rows;
	void (*gather_rows)(const struct vexfs_gather *gather, u64 *keys);
	u32 *list;
	u64 *near;	/* room for a batch */
	u32 batch;
	u32 node_ns;
};

/*
 * Without codes: a distance of the walk is order(distance) >> 1, since a pool needs a bit of its
 * own.  Called as if these were codes.
 */
static u32 gather_exact(const struct vexfs_code_scan *scan, u64 *near)
{
	const struct hnsw_search *search = container_of(scan, struct hnsw_search, scan);
	struct vexfs_gather rows = search->rows;
	u32 i, far, found = 0;

	for (i = 0; i < scan->count; i++)
		search->list[i] = search->hnsw->row_of[scan->list[i]];
	rows.count = scan->count;
	search->gather_rows(&rows, near);
	for (i = 0; i < scan->count; i++) {
		far = near[i] >> 33;
		if (far < scan->limit)
			near[found++] = (u64)far << 32 | scan->list[i];
	}
	return found;
}

static int descend(struct vexfs_job *job, struct hnsw_search *search, u64 *cur)
{
	const struct vexfs_hnsw *hnsw = search->hnsw;
	u32 l, i, found, degree, done;
	const u32 *links;
	u64 before;
	int err;

	for (l = hnsw->levels - 1; l; l--) {
		do {
			before = *cur;
			links = hnsw->upper[l] + (size_t)(u32)*cur * hnsw->m;
			for (degree = 0; degree < hnsw->m; degree++)
				if (links[degree] == VEXFS_INDEX_NONE)
					break;
			for (done = 0; done < degree; done += search->scan.count) {
				search->scan.list = links + done;
				search->scan.count = min(degree - done, search->batch);
				search->scan.limit = (*cur >> 32) + 1;
				err = vexfs_fpu_spend(&job->fpu,
						      search->scan.count * search->node_ns);
				if (err)
					return err;
				found = search->gather(&search->scan, search->near);
				for (i = 0; i < found; i++)
					*cur = min(*cur, search->near[i]);
			}
		} while (*cur < before);
	}
	return 0;
}

/* Lists the neighbours of a node that have not been visited. */
static __always_inline u32 visit(const struct hnsw_search *search, u32 node,
				 struct vexfs_set *visited, u32 *fresh)
{
	const struct vexfs_hnsw *hnsw = search->hnsw;
	const u32 *links = hnsw->links + (size_t)node * hnsw->m0;
	const u32 *end = links + hnsw->m0;
	const s8 *codes = search->scan.codes;
	const size_t stride = search->scan.stride;
	u32 count = 0;
	size_t line;

	for (; links < end && *links != VEXFS_INDEX_NONE; links++) {
		/* Whether one is new cannot be foretold: no branch on it. */
		fresh[count] = *links;
		prefetch(codes + *links * stride);
		prefetch(codes + *links * stride + 64);
		for (line = 128; line < stride; line += 64)
			prefetch(codes + *links * stride + line);
		count += vexfs_set_add(visited, *links);
	}
	return count;
}

static int expand_all(struct vexfs_job *job, struct hnsw_search *search,
		      struct vexfs_set *visited, struct vexfs_pool *pool)
{
	const struct vexfs_hnsw *hnsw = search->hnsw;
	const u32 visit_ns = hnsw->m0 * VEXFS_MISS_NS;
	u32 node, count, found;
	const u32 *links;
	u32 *fresh;
	int err;

	while (vexfs_pool_take(pool, &node)) {
		err = vexfs_fpu_spend(&job->fpu, visit_ns);
		if (err)
			return err;
		links = hnsw->links + (size_t)vexfs_pool_peek(pool) * hnsw->m0;
		prefetch(links);
		prefetch(links + 16);
		fresh = vexfs_set_list(visited);
		count = visit(search, node, visited, fresh);
		visited->listed += count;

		for (; count; count -= search->scan.count, fresh += search->scan.count) {
			if (!vexfs_pool_has_room(pool, BATCH)) {
				vexfs_fpu_end(&job->fpu);
				vexfs_pool_compact(pool);
				vexfs_fpu_begin(&job->fpu);
			}
			search->scan.list = fresh;
			search->scan.count = min(count, search->batch);
			search->scan.limit = vexfs_pool_limit(pool);
			err = vexfs_fpu_spend(&job->fpu, search->scan.count * search->node_ns);
			if (err)
				return err;
			found = search->gather(&search->scan, search->near);
			vexfs_pool_insert(pool, search->near, found);
		}
	}
	return 0;
}

static int rerank(struct vexfs_job *job, const struct vexfs_pool *pool, u32 *list)
{
	const u32 *row_of = job->index->hnsw.row_of;
	u32 done, count, i;
	int err = 0;

	for (done = 0; done < pool->all.count && !err; done += count) {
		count = min(pool->all.count - done, ROWS);
		for (i = 0; i < count; i++)
			list[i] = row_of[vexfs_pool_node(pool, done + i)];
		err = vexfs_rerank(job, list, count);
	}
	return err;
}

/* In a section of the FPU.  @scratch has room for the query. */
static int prepare_codes(struct vexfs_job *job, struct hnsw_search *search, s16 *codes,
			 u32 *scratch)
{
	search->scan.query = codes;
	search->gather = job->metric == VEXFS_METRIC_L2 ? vexfs_simd.code.gather_l2 :
							  vexfs_simd.code.gather_dot;
	return vexfs_prepare_codes(&job->fpu, &search->hnsw->quantizer, job->metric, job->query,
				   job->query_inverse, job->index->dim, scratch, codes);
}

static void prepare_exact(const struct vexfs_job *job, struct hnsw_search *search)
{
	search->rows = (struct vexfs_gather){
		.query = job->query,
		.elements = job->rows->elements,
		.inverse = job->rows->inverse,
		.pieces = job->rows->pieces,
		.shift = job->rows->shift,
		.list = search->list,
		.query_inverse = job->query_inverse,
		.stride = job->rows->stride,
	};
	search->gather_rows = vexfs_simd.distance.gather[job->metric];
	search->gather = gather_exact;
	/* What is asked for in advance are the rows' numbers. */
	search->scan.codes = (const s8 *)search->hnsw->row_of;
	search->scan.stride = sizeof(u32);
}

static int search(struct vexfs_job *job)
{
	const struct vexfs_index *index = job->index;
	const struct vexfs_hnsw *hnsw = &index->hnsw;
	const u32 stride = round_up(index->dim, VEXFS_CODES);
	const u32 padded = round_up(index->dim, VEXFS_LANES);
	const u32 ef = min(max(job->effort, job->k), index->rows);
	const u32 row_ns = VEXFS_MISS_NS + vexfs_row_ns(job->rows);
	const u32 node_ns = VEXFS_MISS_NS + vexfs_pool_ns(ef) +
			    (index->exact ? row_ns : VEXFS_READ_NS(stride));
	const u32 far = index->exact ? 1U << 31 : VEXFS_CODE_LIMIT;
	struct hnsw_search search = {
		.hnsw = hnsw,
		.scan = { .codes = hnsw->codes, .stride = stride },
		.node_ns = node_ns,
		.batch = vexfs_batch(node_ns, index->exact ? VEXFS_STEP_ROWS : 4, BATCH),
	};
	/* Codes and vector of the query, a batch of keys, the pool; last a list of rows. */
	const size_t code_bytes = stride * sizeof(s16);
	const size_t query_bytes = padded * sizeof(u32);
	const size_t near_bytes = BATCH * sizeof(u64);
	const size_t pool_bytes = vexfs_pool_keys(ef, BATCH) * sizeof(u64);
	const size_t list_bytes = (ROWS + VEXFS_LIST_AHEAD) * sizeof(u32);
	struct vexfs_scratch *scratch;
	struct vexfs_pool pool;
	void *memory;
	u64 cur;
	s16 *codes;
	int err = 0;

	scratch = vexfs_scratch_get(job->index, index->rows, MAX_LINKS, code_bytes + query_bytes +
				    near_bytes + pool_bytes + list_bytes, &memory);
	if (!scratch)
		return -ENOMEM;
	codes = memory;
	search.near = memory + code_bytes + query_bytes;
	search.list = memory + code_bytes + query_bytes + near_bytes + pool_bytes;
	vexfs_pool_init(&pool, memory + code_bytes + query_bytes + near_bytes, ef, BATCH, far);

	vexfs_fpu_begin(&job->fpu);
	if (index->exact)
		prepare_exact(job, &search);
	else
		err = prepare_codes(job, &search, codes, memory + code_bytes);

	if (!err) {
		/* The entry point is node 0. */
		search.scan.list = &(const u32){ 0 };
		search.scan.count = 1;
		search.scan.limit = far;
		search.gather(&search.scan, &cur);
		err = descend(job, &search, &cur);
	}
	if (!err) {
		vexfs_set_add(&scratch->set, cur);
		*vexfs_set_list(&scratch->set) = cur;
		scratch->set.listed++;
		vexfs_pool_insert(&pool, &cur, 1);
		err = expand_all(job, &search, &scratch->set, &pool);
	}
	vexfs_fpu_end(&job->fpu);

	if (!err)
		err = rerank(job, &pool, search.list);
	vexfs_scratch_put(job->index, scratch);
	return err;
}

const struct vexfs_kind vexfs_kind_hnsw = {
	.name = "HNSW",
	.sections = UPPER + 1,
	.exact = true,
	.params = params,
	.load = load,
	.search = search,
};

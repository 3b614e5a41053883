// SPDX-License-Identifier: GPL-2.0-only
/*
 * LSH by projections (Datar et al. 2004) with probes of several buckets of a table (Lv et
 * al. 2007).
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/prefetch.h>

#include "search/array_check.h"
#include "search/heap.h"
#include "search/kind.h"
#include "search/layout.h"
#include "search/prepare.h"
#include "search/query.h"
#include "search/rerank.h"
#include "search/rows.h"
#include "search/scratch.h"
#include "simd/simd.h"
#include "uapi/vexfs.h"

#define MAX_TABLES	64
#define MAX_HASHES	16
#define MAX_BITS	24
/* Rows that are listed before they are compared; projections that are at once, at most. */
#define BATCH		512
#define PROJECTIONS	256
/* Buckets whose rows are looked at together. */
#define FOUND		256
/* Rows that are looked at between two looks at whether others want to run. */
#define STRIDE		65536U
/* A probe counts as so many rows. */
#define PROBE_STEPS	64

enum { PROJECTION, BIAS, STARTS, BUCKETS };

static const char *params(const struct vexfs_index_header *header, u64 *bytes)
{
	const u64 rows = le64_to_cpu(header->rows);
	const u32 tables = vexfs_param(header, 0);
	const u32 hashes = vexfs_param(header, 1);
	const u32 bits = vexfs_param(header, 2);

	if (!tables || tables > MAX_TABLES)
		return "the number of tables is out of range";
	if (!hashes || hashes > MAX_HASHES)
		return "the number of hashes is out of range";
	if (!bits || bits > MAX_BITS)
		return "the number of bits is out of range";
	if (!vexfs_no_params(header, 3))
		return "a parameter that the kind does not have is not 0";

	/* 64 tables of below 2^32 rows: none exceeds 2^48. */
	bytes[PROJECTION] = tables * hashes * vexfs_vector_bytes(header);
	bytes[BIAS] = tables * hashes * sizeof(u32);
	bytes[STARTS] = tables * ((1ULL << bits) + 1) * sizeof(u32);
	bytes[BUCKETS] = tables * rows * sizeof(u32);
	return NULL;
}

static int load(struct vexfs_index *index, const struct vexfs_index_header *header,
		void *const *section, const char **fault)
{
	struct vexfs_lsh *lsh = &index->lsh;
	u32 buckets, table;
	int err;

	lsh->tables = vexfs_param(header, 0);
	lsh->hashes = vexfs_param(header, 1);
	lsh->bits = vexfs_param(header, 2);
	lsh->projections = section[PROJECTION];
	lsh->bias = section[BIAS];
	lsh->starts = section[STARTS];
	lsh->buckets = section[BUCKETS];

	*fault = "a projection is not finite or goes beyond the dimension";
	err = vexfs_check_vectors(lsh->projections, lsh->tables * lsh->hashes, index->dim);
	if (err)
		return err;
	*fault = "a bias is not finite";
	err = vexfs_check_finite(lsh->bias, lsh->tables * lsh->hashes);
	if (err)
		return err;
	*fault = "the buckets do not follow each other";
	buckets = 1U << lsh->bits;
	for (table = 0; table < lsh->tables; table++) {
		err = vexfs_check_starts(lsh->starts + (size_t)table * (buckets + 1), buckets,
					 index->rows);
		if (err)
			return err;
	}
	*fault = "a bucket has a row that the index does not cover";
	return vexfs_check_below(lsh->buckets, (u64)lsh->tables * index->rows, index->rows);
}

/* Where a bucket begins and ends. */
struct bucket {
	const u32 *starts;
	const u32 *rows;	/* of its table */
};

/*
 * Candidates are a set, so that a row is compared once however many buckets it is in, and
 * in the order of memory.
 */
struct lsh_search {
	struct vexfs_job *job;
	u64 *words;	/* a bit for each row */
	u64 *summary;	/* a bit for each word that is not 0 */
	u32 summaries;
	u32 *list;	/* room for a batch, the rows of a word and VEXFS_LIST_AHEAD */
	struct bucket *found;
	u32 pending;	/* found ones */
	u32 steps;
	u64 *heap;	/* room for one set more than there are probes */
};

static void add(struct lsh_search *search, const u32 *rows, u32 count)
{
	const u32 *end = rows + count;

	for (; rows < end; rows++) {
		search->words[*rows / 64] |= 1ULL << *rows % 64;
		search->summary[*rows / 4096] |= 1ULL << *rows / 64 % 64;
	}
}

/* Adds the rows of the buckets that were found. */
static int add_found(struct lsh_search *search)
{
	const struct bucket *found = search->found, *end = found + search->pending;
	u32 at, stop, rows_end;
	int err;

	search->pending = 0;
	/* They lie scattered in memory. */
	for (; found < end; found++)
		prefetch(found->rows + found->starts[0]);

	for (found = search->found; found < end; found++) {
		search->steps += PROBE_STEPS;
		at = found->starts[0];
		rows_end = found->starts[1];
		do {
			if (search->steps >= STRIDE) {
				search->steps = 0;
				err = vexfs_relax();
				if (err)
					return err;
			}
			stop = at + min(rows_end - at, STRIDE - search->steps);
			search->steps += stop - at;
			add(search, found->rows + at, stop - at);
			at = stop;
		} while (at < rows_end);
	}
	return 0;
}

/* Compares all candidates, in ascending order, and leaves the set empty. */
static int compare(struct lsh_search *search)
{
	u32 count = 0, i, word;
	u64 words, rows;
	int err;

	for (i = 0; i < search->summaries; i++) {
		for (words = search->summary[i]; words; words &= words - 1) {
			word = i * 64 + __ffs(words);
			rows = search->words[word];
			search->words[word] = 0;
			for (; rows; rows &= rows - 1)
				search->list[count++] = word * 64 + __ffs(rows);
			if (count >= BATCH) {
				err = vexfs_rerank(search->job, search->list, count);
				if (err)
					return err;
				count = 0;
			}
		}
	}
	return count ? vexfs_rerank(search->job, search->list, count) : 0;
}

static int probe(struct lsh_search *search, u32 table, const s32 *h)
{
	const struct vexfs_index *index = search->job->index;
	const struct vexfs_lsh *lsh = &index->lsh;
	struct bucket *found = &search->found[search->pending++];
	u32 x = 0x811c9dc5, i;

	for (i = 0; i < lsh->hashes; i++) {
		x = (x ^ (u32)h[i]) * 0x9e3779b1;
		x ^= x >> 15;
	}
	x >>= 32 - lsh->bits;

	found->starts = lsh->starts + table * ((1ULL << lsh->bits) + 1) + x;
	found->rows = lsh->buckets + (size_t)table * index->rows;
	prefetch(found->starts);
	return search->pending < FOUND ? 0 : add_found(search);
}

/* A perturbation: of which hash, by how much, at what cost. */
struct step {
	u32 cost;
	u8 hash;
	s8 by;
	u8 other;	/* position of the other one of the same hash */
};

static void sort_steps(const struct vexfs_hash *hash, u32 hashes, struct step *steps)
{
	u32 keys[2 * MAX_HASHES], position[2 * MAX_HASHES];
	u32 i, j, key, up;

	/* (cost, hash, lowering before raising), by insertion. */
	for (i = 0; i < 2 * hashes; i++) {
		up = i % 2 ? 1024 - hash[i / 2].s : hash[i / 2].s;
		key = up * up << 5 | i;
		for (j = i; j && keys[j - 1] > key; j--)
			keys[j] = keys[j - 1];
		keys[j] = key;
	}
	for (i = 0; i < 2 * hashes; i++)
		position[keys[i] & 31] = i;
	for (i = 0; i < 2 * hashes; i++) {
		steps[i].cost = keys[i] >> 5;
		steps[i].hash = (keys[i] & 31) / 2;
		steps[i].by = keys[i] & 1 ? 1 : -1;
		steps[i].other = position[(keys[i] & 31) ^ 1];
	}
}

/*
 * The first position from @at on that fits a set of positions below: not of a hash that
 * is in it already.  2 * hashes if there is none.
 */
static u32 fitting(const struct step *steps, u32 count, u32 mask, u32 at)
{
	while (at < count && mask >> steps[at].other & 1)
		at++;
	return at;
}

static void push(u64 *heap, u32 *count, u32 cost, u32 mask)
{
	vexfs_heap_push(heap, count, (u64)cost << 32 | mask);
}

/*
 * Probes the home bucket of a table, then others by ascending (cost, mask).  Each set of
 * perturbations is made once: from the one with its last position moved back to the one
 * before that fits or, where there is none, from the one without it.
 */
static int search_table(struct lsh_search *search, u32 table, const struct vexfs_hash *hash)
{
	const u32 hashes = search->job->index->lsh.hashes, count = 2 * hashes;
	u32 probes = search->job->effort, waiting = 0, cost, mask, rest, last, at, bits;
	s32 home[MAX_HASHES], h[MAX_HASHES];
	struct step steps[2 * MAX_HASHES];
	u64 top;
	int err;
	u32 i;

	for (i = 0; i < hashes; i++)
		home[i] = hash[i].h;
	err = probe(search, table, home);
	if (err || !--probes)
		return err;

	sort_steps(hash, hashes, steps);
	push(search->heap, &waiting, steps[0].cost, 1);
	for (; probes && waiting; probes--) {
		top = vexfs_heap_pop(search->heap, &waiting);
		cost = top >> 32;
		mask = top;

		memcpy(h, home, sizeof(h));
		for (bits = mask; bits; bits &= bits - 1) {
			i = __ffs(bits);
			h[steps[i].hash] += steps[i].by;
		}
		err = probe(search, table, h);
		if (err)
			return err;

		last = __fls(mask);
		rest = mask & ~(1U << last);
		at = fitting(steps, count, rest, last + 1);
		if (at < count)
			push(search->heap, &waiting, cost - steps[last].cost + steps[at].cost,
			     rest | 1U << at);
		at = fitting(steps, count, mask, last + 1);
		if (at < count)
			push(search->heap, &waiting, cost + steps[at].cost, mask | 1U << at);
	}
	return 0;
}

static int hash_query(struct vexfs_job *job, const u32 *query, u32 *products,
		      struct vexfs_hash *hashes)
{
	const struct vexfs_lsh *lsh = &job->index->lsh;
	const u32 stride = round_up(job->index->dim, VEXFS_LANES);
	const u32 read_ns = VEXFS_READ_NS(stride * sizeof(u32));
	const u32 step = vexfs_batch(read_ns, VEXFS_STEP_ROWS, PROJECTIONS);
	struct vexfs_scan scan = { .query = query, .rows = lsh->projections, .stride = stride };
	const u32 all = lsh->tables * lsh->hashes;
	int err = 0;

	for (; scan.first < all && !err; scan.first += scan.count) {
		scan.count = min(all - scan.first, step);
		err = vexfs_fpu_spend(&job->fpu, scan.count * read_ns);
		vexfs_simd.distance.products(&scan, products);
		vexfs_query_hash(products, lsh->bias + scan.first, scan.count,
				 hashes + scan.first);
		scan.rows += (size_t)scan.count * stride;
	}
	return err;
}

static int search(struct vexfs_job *job)
{
	const struct vexfs_index *index = job->index;
	const struct vexfs_lsh *lsh = &index->lsh;
	const u32 stride = round_up(index->dim, VEXFS_LANES);
	const u32 summaries = DIV_ROUND_UP_ULL(index->rows, 4096);
	/* The query, a batch of products, the hashes, the buckets, a heap, a list, a summary. */
	const size_t query_bytes = stride * sizeof(u32);
	const size_t product_bytes = PROJECTIONS * sizeof(u32);
	const size_t hash_bytes = lsh->tables * lsh->hashes * sizeof(struct vexfs_hash);
	const size_t found_bytes = FOUND * sizeof(struct bucket);
	const size_t heap_bytes = (job->effort + 2) * sizeof(u64);
	const size_t list_bytes = (BATCH + 64 + VEXFS_LIST_AHEAD) * sizeof(u32);
	const size_t summary_bytes = summaries * sizeof(u64);
	struct lsh_search search = { .job = job, .summaries = summaries };
	struct vexfs_scratch *scratch;
	struct vexfs_hash *hashes;
	const u32 *query = job->query;
	void *memory;
	u32 i, table;
	int err = 0;

	scratch = vexfs_scratch_get(job->index, index->rows, 0,
				    query_bytes + product_bytes + hash_bytes + found_bytes +
				    heap_bytes + list_bytes + summary_bytes, &memory);
	if (!scratch)
		return -ENOMEM;
	hashes = memory + query_bytes + product_bytes;
	search.found = (void *)hashes + hash_bytes;
	search.heap = (void *)search.found + found_bytes;
	search.summary = (void *)search.heap + heap_bytes;
	search.list = (void *)search.summary + summary_bytes;
	search.words = scratch->set.words;
	for (i = 0; i < summaries; i++)
		search.summary[i] = 0;

	vexfs_fpu_begin(&job->fpu);
	if (job->metric != VEXFS_METRIC_L2) {
		/* For inner product, too, the direction decides. */
		err = vexfs_prepare_multiply(&job->fpu, query, vexfs_query_inverse(query, stride),
					     stride, memory);
		query = memory;
	}
	if (!err)
		err = hash_query(job, query, memory + query_bytes, hashes);
	vexfs_fpu_end(&job->fpu);

	for (table = 0; table < lsh->tables && !err; table++)
		err = search_table(&search, table, hashes + table * lsh->hashes);
	if (!err)
		err = add_found(&search);
	if (!err)
		err = compare(&search);
	/* What was not compared is still in the set. */
	if (err)
		scratch->set.overflown = true;
	vexfs_scratch_put(job->index, scratch);
	return err;
}

const struct vexfs_kind vexfs_kind_lsh = {
	.name = "LSH",
	.sections = BUCKETS + 1,
	.params = params,
	.load = load,
	.search = search,
};

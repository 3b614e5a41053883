// SPDX-License-Identifier: GPL-2.0-only
/*
 * SEARCH, BATCH, QUERY, FILTER and INFO.  docs/abi.md lists their errors in the order in
 * which they are checked here.
 */
#include <linux/compiler.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "cache/attempt.h"
#include "cache/fit.h"
#include "cache/sent.h"
#include "cache/sent_filter.h"
#include "cache/sidecar.h"
#include "cache/snapshot.h"
#include "cache/vectors.h"
#include "fs/internal.h"
#include "fs/search_time.h"
#include "search/rows.h"
#include "search/search.h"
#include "simd/fpu_section.h"
#include "simd/simd.h"
#include "uapi/vexfs.h"

static bool is_vector_file(const struct file *file)
{
	static const char suffix[] = ".fvecs";
	const size_t length = sizeof(suffix) - 1;
	struct dentry *dentry = file->f_path.dentry;
	const struct qstr *name = &dentry->d_name;
	bool matches;

	if (!S_ISREG(file_inode(file)->i_mode))
		return false;
	/* The lock keeps a rename from changing the name under our eyes. */
	spin_lock(&dentry->d_lock);
	matches = name->len > length &&
		  !memcmp(name->name + name->len - length, suffix, length);
	spin_unlock(&dentry->d_lock);
	return matches;
}

static bool is_sent(const struct vexfs_search *request)
{
	return request->flags & VEXFS_SEARCH_SENT;
}

static bool is_filtered(const struct vexfs_search *request)
{
	return request->flags & VEXFS_SEARCH_FILTERED;
}

/* What is asked for: the searches of a batch, or one search. */
struct asked {
	struct vexfs_search *search;
	u32 queries;
	void *payload;	/* the queries, unless the one was sent; then the hits */
	bool batch;
};

static size_t payload_bytes(const struct asked *asked)
{
	const struct vexfs_search *search = asked->search;
	const size_t query = is_sent(search) ? 0 : search->dim * sizeof(__u32);

	return asked->queries * max(query, search->k * sizeof(struct vexfs_hit));
}

/* Checks 5 to 9: what can be told from the header. */
static int check_header(const struct asked *asked, size_t payload)
{
	struct vexfs_search *search = asked->search;
	const u32 dim_max = is_sent(search) ? VEXFS_DIM_MAX : VEXFS_DIM_INLINE;

	if (search->flags & ~(VEXFS_SEARCH_SENT | VEXFS_SEARCH_FILTERED) || search->count ||
	    search->rows || search->generation || search->evaluated)
		return -EINVAL;
	if (is_sent(search) != !!search->query || is_filtered(search) != !!search->filter)
		return -EINVAL;
	if (asked->batch && is_sent(search))
		return -EINVAL;
	if (!search->k || search->k > VEXFS_K_MAX)
		return -EINVAL;
	if (!search->dim || search->dim > dim_max)
		return -EINVAL;
	/* No product of these overflows. */
	if (!asked->queries || asked->queries > payload || payload != payload_bytes(asked))
		return -EINVAL;
	if (search->kind > VEXFS_INDEX_KINDS || search->metric > VEXFS_METRIC_COSINE)
		return -EOPNOTSUPP;
	/* Both index tables of functions: not beyond their ends speculatively either. */
	search->kind = array_index_nospec(search->kind, VEXFS_INDEX_KINDS + 1);
	search->metric = array_index_nospec(search->metric, VEXFS_METRIC_COSINE + 1);
	if (search->effort > (search->kind ? VEXFS_EFFORT_MAX : 0))
		return -EINVAL;
	return 0;
}

/* What a search runs on. */
struct basis {
	struct vexfs_snapshot *snapshot;
	struct vexfs_sidecar *sidecar;	/* NULL for a flat search */
	struct vexfs_fit *fit;		/* NULL if no row that it covers has changed */
	struct vexfs_held_filter *filter;	/* NULL if any row may be found */
};

static void put_basis(struct basis *basis)
{
	vexfs_fit_put(basis->fit);
	vexfs_sidecar_put(basis->sidecar);
	vexfs_snapshot_put(basis->snapshot);
}

/* Checks 11 to 17.  After an error there is nothing to put. */
static int get_parts(struct file *file, const struct vexfs_search *request,
		     struct basis *basis)
{
	struct vexfs_inode *inode = vexfs_i(file_inode(file));
	int err = 0;

	basis->fit = NULL;
	basis->sidecar = NULL;
	basis->snapshot = vexfs_vectors_get(&inode->vectors, file);
	if (IS_ERR(basis->snapshot))
		return PTR_ERR(basis->snapshot);

	if (basis->snapshot->rows.rows && request->dim != basis->snapshot->rows.dim)
		err = -EMSGSIZE;
	else if (request->k > basis->snapshot->rows.rows)
		err = -ERANGE;
	else if (request->kind != VEXFS_KIND_FLAT)
		basis->sidecar = vexfs_sidecar_get(&inode->sidecars, file, request->kind,
						   request->metric, basis->snapshot);

	if (IS_ERR(basis->sidecar)) {
		err = PTR_ERR(basis->sidecar);
		basis->sidecar = NULL;
	}
	if (err)
		put_basis(basis);
	return err;
}

/*
 * Checks 11 to 18.  Rows and index are looked at one after the other, so where both
 * were replaced in between they may not belong together: look again, until two
 * looks see the same.
 */
static int get_basis(struct file *file, const struct vexfs_search *request,
		     struct basis *basis)
{
	u64 rows = 0, index = 0;
	int err, try;
	bool same;

	for (try = 0; try < VEXFS_READ_TRIES; try++) {
		err = get_parts(file, request, basis);
		if (err || !basis->sidecar)
			return err;
		err = vexfs_sidecar_check(basis->sidecar, basis->snapshot, &basis->fit);
		if (!err)
			return 0;

		same = rows == basis->snapshot->copy.generation &&
		       index == basis->sidecar->copy.generation;
		rows = basis->snapshot->copy.generation;
		index = basis->sidecar->copy.generation;
		/* It was found for sound, when there were other rows. */
		if (same && err != -EINTR && basis->sidecar->index)
			vexfs_copy_forget(&basis->sidecar->copy);
		put_basis(basis);
		if (same || err == -EINTR)
			break;
	}
	return err;
}

/* Writes the hits and, in a batch, no rows behind them, up to k. */
static void write_hits(const struct asked *asked, struct vexfs_hit *hits,
		       const struct vexfs_topk *top)
{
	u32 i;

	for (i = 0; i < top->count; i++) {
		hits[i].row = vexfs_key_row(top->keys[i]);
		hits[i].distance = vexfs_key_distance(top->keys[i]);
	}
	if (!asked->batch)
		return;
	for (; i < top->k; i++) {
		hits[i].row = VEXFS_ROW_NONE;
		hits[i].distance = 0;
	}
}

/*
 * Puts the answers into the request: the queries in the payload have been copied, @stride
 * elements each.
 */
static int answer(const struct basis *basis, const struct asked *asked, const u32 *elements,
		  u32 stride)
{
	struct vexfs_index *index = basis->sidecar ? basis->sidecar->index : NULL;
	struct vexfs_search *search = asked->search;
	struct vexfs_query query = {
		.metric = search->metric,
		.effort = search->effort,
		.filter = basis->filter ? &basis->filter->filter : NULL,
		.changes = basis->fit ? &basis->fit->changes : NULL,
	};
	struct vexfs_topk top = { .k = search->k };
	struct vexfs_hit *hits = asked->payload;
	u64 evaluated;
	int err = 0;
	u32 i;

	top.keys = kmalloc_array(top.k, sizeof(*top.keys), GFP_KERNEL);
	if (!top.keys)
		return -ENOMEM;
	for (i = 0; i < asked->queries && !err; i++) {
		query.elements = elements + (size_t)i * stride;
		top.count = 0;
		err = vexfs_search(index, &basis->snapshot->rows, &query, &top, &evaluated);
		if (err)
			break;
		write_hits(asked, hits + (size_t)i * top.k, &top);
		search->count += top.count;
		search->evaluated += evaluated;
		if (asked->batch)
			err = vexfs_relax();
	}
	search->rows = basis->snapshot->rows.rows;
	search->generation = basis->snapshot->copy.generation;
	kfree(top.keys);
	return err;
}

/* Copies the queries, @stride elements each. */
static int get_queries(struct file *file, const struct asked *asked, u32 *elements, u32 stride)
{
	const struct vexfs_search *search = asked->search;
	const __le32 *in = asked->payload;
	u32 i;

	if (is_sent(search))
		return vexfs_sent_copy(&vexfs_f(file)->sent, search->query, search->dim,
				       elements);
	for (i = 0; i < asked->queries; i++, in += search->dim, elements += stride)
		if (!vexfs_pack(elements, in, search->dim))
			return -EDOM;
	return 0;
}

/* NULL if the search has none. */
static struct vexfs_held_filter *get_filter(struct file *file, const struct vexfs_search *search)
{
	if (!is_filtered(search))
		return NULL;
	return vexfs_sent_filter_get(&vexfs_f(file)->filter, search->filter);
}

static int search(struct file *file, const struct asked *asked, struct vexfs_search_time *time)
{
	const u32 stride = round_up(asked->search->dim, VEXFS_LANES);
	/* A power of two, since kmalloc() aligns only these to their size. */
	size_t bytes = roundup_pow_of_two(asked->queries * (stride * sizeof(u32)));
	const struct cred *caller;
	struct basis basis = { };
	u32 *elements;
	int err;

	elements = kvmalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (!elements)
		return -ENOMEM;
	err = get_queries(file, asked, elements, stride);
	if (!err) {
		basis.filter = get_filter(file, asked->search);
		err = PTR_ERR_OR_ZERO(basis.filter);
		if (err)
			basis.filter = NULL;
	}
	if (!err) {
		caller = vexfs_act_as_mounter(file_inode(file)->i_sb);
		err = get_basis(file, asked->search, &basis);
		revert_creds(caller);
	}
	if (!err) {
		vexfs_search_time_enter(time);
		err = answer(&basis, asked, elements, stride);
		vexfs_search_time_leave(time);
		put_basis(&basis);
	}
	vexfs_held_filter_put(basis.filter);
	kvfree(elements);
	return err;
}

static int ioctl_search(struct file *file, size_t bytes, void __user *user, bool batch)
{
	const size_t header = batch ? sizeof(struct vexfs_batch) : sizeof(struct vexfs_search);
	struct asked asked = { .queries = 1, .batch = batch };
	struct vexfs_search_time time;
	struct vexfs_batch *several;
	void *request;
	int err = 0;

	vexfs_search_time_begin(&time);
	if (bytes < header)
		return -EINVAL;
	request = memdup_user(user, bytes);
	if (IS_ERR(request))
		return PTR_ERR(request);

	asked.search = request;
	asked.payload = request + header;
	if (batch) {
		several = request;
		asked.queries = several->queries;
		if (several->reserved)
			err = -EINVAL;
	}
	if (!err)
		err = check_header(&asked, bytes - header);
	if (!err)
		err = search(file, &asked, &time);
	if (!err) {
		bytes = asked.search->count;
		if (batch)
			bytes = (size_t)asked.queries * asked.search->k;
		bytes = header + bytes * sizeof(struct vexfs_hit);
		if (copy_to_user(user, request, bytes))
			err = -EFAULT;
	}
	kfree(request);
	if (!err)
		vexfs_search_time_end(&time);
	return err;
}

static bool is_part(const struct vexfs_query_part *part, size_t bytes)
{
	return part->query && !part->flags && !part->reserved &&
	       part->dim && part->dim <= VEXFS_DIM_MAX &&
	       part->count && part->start < part->dim && part->count <= part->dim - part->start &&
	       bytes == sizeof(*part) + part->count * sizeof(__u32);
}

static int ioctl_query(struct file *file, size_t bytes, void __user *user)
{
	struct vexfs_query_part *part;
	int err = -EINVAL;

	if (bytes < sizeof(*part))
		return -EINVAL;
	part = memdup_user(user, bytes);
	if (IS_ERR(part))
		return PTR_ERR(part);

	if (is_part(part, bytes))
		err = vexfs_sent_add(&vexfs_f(file)->sent, part);
	kfree(part);
	return err;
}

static bool is_filter_part(const struct vexfs_filter_part *part, size_t bytes)
{
	return part->filter && !part->flags &&
	       !memchr_inv(part->reserved, 0, sizeof(part->reserved)) &&
	       part->words && part->words <= VEXFS_FILTER_WORDS_MAX && part->count &&
	       part->start < part->words && part->count <= part->words - part->start &&
	       bytes == sizeof(*part) + part->count * sizeof(__u64);
}

static int ioctl_filter(struct file *file, size_t bytes, void __user *user)
{
	struct vexfs_budget *budget = &vexfs_sb(file_inode(file)->i_sb)->budget;
	struct vexfs_filter_part *part;
	int err = -EINVAL;

	if (bytes < sizeof(*part))
		return -EINVAL;
	part = memdup_user(user, bytes);
	if (IS_ERR(part))
		return PTR_ERR(part);

	if (is_filter_part(part, bytes))
		err = vexfs_sent_filter_add(&vexfs_f(file)->filter, budget, part);
	kfree(part);
	return err;
}

static int describe(struct file *file, struct vexfs_info *info)
{
	struct vexfs_snapshot *snapshot;
	int indexes;

	snapshot = vexfs_vectors_get(&vexfs_i(file_inode(file))->vectors, file);
	if (IS_ERR(snapshot))
		return PTR_ERR(snapshot);
	info->dim = snapshot->rows.dim;
	info->rows = snapshot->rows.rows;
	info->generation = snapshot->copy.generation;
	vexfs_snapshot_put(snapshot);

	indexes = vexfs_sidecars_list(file, info->index);
	if (indexes < 0)
		return indexes;
	info->indexes = indexes;
	return 0;
}

static int ioctl_info(struct file *file, void __user *user)
{
	const struct cred *caller;
	struct vexfs_info info;
	int err;

	if (copy_from_user(&info, user, sizeof(info)))
		return -EFAULT;
	if (memchr_inv(&info, 0, sizeof(info)))
		return -EINVAL;

	caller = vexfs_act_as_mounter(file_inode(file)->i_sb);
	err = describe(file, &info);
	revert_creds(caller);
	if (err)
		return err;

	return copy_to_user(user, &info, sizeof(info)) ? -EFAULT : 0;
}

long vexfs_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	const unsigned int unsized = cmd & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT);
	void __user *user = (void __user *)arg;

	if (cmd != VEXFS_IOC_INFO && unsized != VEXFS_IOC_SEARCH(0) &&
	    unsized != VEXFS_IOC_QUERY(0) && unsized != VEXFS_IOC_FILTER(0) &&
	    unsized != VEXFS_IOC_BATCH(0))
		return -ENOTTY;
	if (!is_vector_file(file))
		return -ENOTTY;
	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	if (cmd == VEXFS_IOC_INFO)
		return ioctl_info(file, user);
	if (unsized == VEXFS_IOC_QUERY(0))
		return ioctl_query(file, _IOC_SIZE(cmd), user);
	if (unsized == VEXFS_IOC_FILTER(0))
		return ioctl_filter(file, _IOC_SIZE(cmd), user);
	return ioctl_search(file, _IOC_SIZE(cmd), user, unsized == VEXFS_IOC_BATCH(0));
}

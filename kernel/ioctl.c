// SPDX-License-Identifier: GPL-2.0-only
/*
 * SEARCH and INFO.  docs/abi.md lists their errors in the order in which they are
 * checked here.
 */
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "flat.h"
#include "snapshot.h"
#include "uapi/vexfs.h"
#include "vectors.h"

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

static size_t payload_bytes(const struct vexfs_search *request)
{
	return max(request->dim * sizeof(__u32), request->k * sizeof(struct vexfs_hit));
}

/* Checks 5 to 9: what can be told from the header. */
static int check_header(const struct vexfs_search *request, size_t bytes)
{
	if (request->flags || request->count || request->reserved0 || request->rows ||
	    request->generation || request->evaluated || request->reserved1)
		return -EINVAL;
	if (!request->k || request->k > VEXFS_K_MAX)
		return -EINVAL;
	if (!request->dim || request->dim > VEXFS_DIM_MAX)
		return -EINVAL;
	if (bytes != sizeof(*request) + payload_bytes(request))
		return -EINVAL;
	if (request->kind != VEXFS_KIND_FLAT || request->metric != VEXFS_METRIC_L2)
		return -EOPNOTSUPP;
	if (request->effort)
		return -EINVAL;
	return 0;
}

static void write_hits(struct vexfs_hit *hits, const struct vexfs_topk *top)
{
	u32 i;

	for (i = 0; i < top->count; i++) {
		hits[i].row = lower_32_bits(top->keys[i]);
		hits[i].distance = upper_32_bits(top->keys[i]);
	}
}

/* Puts the answer to @query into the request and the payload after it. */
static int search_snapshot(const struct vexfs_snapshot *snapshot, const u32 *query,
			   struct vexfs_search *request)
{
	const struct vexfs_scan scan = {
		.query = query,
		.rows = snapshot->elements,
		.stride = snapshot->stride,
		.count = snapshot->rows,
	};
	struct vexfs_topk top = { .k = request->k };
	int err;

	if (snapshot->rows && request->dim != snapshot->dim)
		return -EMSGSIZE;
	if (request->k > snapshot->rows)
		return -ERANGE;

	top.keys = kmalloc_array(top.k, sizeof(*top.keys), GFP_KERNEL);
	if (!top.keys)
		return -ENOMEM;
	err = vexfs_flat_search(&scan, &top);
	if (!err) {
		write_hits((struct vexfs_hit *)(request + 1), &top);
		request->count = top.count;
		request->rows = snapshot->rows;
		request->generation = snapshot->generation;
		request->evaluated = snapshot->rows;
	}
	kfree(top.keys);
	return err;
}

static int search(struct file *file, struct vexfs_search *request)
{
	/* A power of two, since kmalloc() aligns only these to their size. */
	size_t bytes = roundup_pow_of_two(round_up(request->dim, VEXFS_LANES) * sizeof(u32));
	struct vexfs_snapshot *snapshot;
	u32 *query;
	int err;

	query = kmalloc(bytes, GFP_KERNEL);
	if (!query)
		return -ENOMEM;
	err = -EDOM;
	if (!vexfs_pack(query, (const __le32 *)(request + 1), request->dim))
		goto out;

	snapshot = vexfs_vectors_get(file);
	err = PTR_ERR_OR_ZERO(snapshot);
	if (err)
		goto out;
	err = search_snapshot(snapshot, query, request);
	vexfs_snapshot_put(snapshot);
out:
	kfree(query);
	return err;
}

static int ioctl_search(struct file *file, size_t bytes, void __user *user)
{
	struct vexfs_search *request;
	int err;

	if (bytes < sizeof(*request))
		return -EINVAL;
	request = memdup_user(user, bytes);
	if (IS_ERR(request))
		return PTR_ERR(request);

	err = check_header(request, bytes);
	if (!err)
		err = search(file, request);
	if (!err) {
		bytes = sizeof(*request) + request->count * sizeof(struct vexfs_hit);
		if (copy_to_user(user, request, bytes))
			err = -EFAULT;
	}
	kfree(request);
	return err;
}

static int ioctl_info(struct file *file, void __user *user)
{
	struct vexfs_snapshot *snapshot;
	struct vexfs_info info;

	if (copy_from_user(&info, user, sizeof(info)))
		return -EFAULT;
	if (memchr_inv(&info, 0, sizeof(info)))
		return -EINVAL;

	snapshot = vexfs_vectors_get(file);
	if (IS_ERR(snapshot))
		return PTR_ERR(snapshot);
	info.dim = snapshot->dim;
	info.rows = snapshot->rows;
	info.generation = snapshot->generation;
	vexfs_snapshot_put(snapshot);

	return copy_to_user(user, &info, sizeof(info)) ? -EFAULT : 0;
}

long vexfs_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	bool info = cmd == VEXFS_IOC_INFO;

	if (!info && (cmd & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT)) != VEXFS_IOC_SEARCH(0))
		return -ENOTTY;
	if (!is_vector_file(file))
		return -ENOTTY;
	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	return info ? ioctl_info(file, user) : ioctl_search(file, _IOC_SIZE(cmd), user);
}

// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "distance.h"
#include "snapshot.h"
#include "uapi/vexfs.h"

#define CHUNK_BYTES	(256 * 1024)
#define EXPONENT	0x7f800000U

/* Accounted to the caller, who gets -ENOMEM rather than the OOM killer. */
#define GFP_ROWS	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

bool vexfs_pack(u32 *out, const __le32 *in, u32 dim)
{
	bool finite = true;
	u32 i, bits;

	for (i = 0; i < dim; i++) {
		bits = le32_to_cpu(in[i]);
		finite &= (bits & EXPONENT) != EXPONENT;
		out[i] = bits;
	}
	for (; i % VEXFS_LANES; i++)
		out[i] = 0;
	return finite;
}

/* Fills the buffer.  A file that ends before has shrunk since it was stat'ed. */
static int read_exactly(struct file *file, void *buffer, size_t bytes, loff_t pos)
{
	ssize_t got;

	while (bytes) {
		got = kernel_read(file, buffer, bytes, &pos);
		if (!got)
			return -EBADMSG;
		if (fatal_signal_pending(current))
			return -EINTR;
		if (got < 0)
			return got == -ENOMEM ? -ENOMEM : -EIO;
		buffer += got;
		bytes -= got;
	}
	return 0;
}

/* Reads @count rows from @first on through @chunk, which has room for them. */
static int read_rows(struct vexfs_snapshot *snapshot, struct file *file,
		     u32 first, u32 count, __le32 *chunk)
{
	const size_t row_elements = 1 + snapshot->dim;
	const size_t row_bytes = row_elements * sizeof(*chunk);
	u32 *out = snapshot->elements + (size_t)first * snapshot->stride;
	const __le32 *row;
	int err;

	err = read_exactly(file, chunk, count * row_bytes, first * row_bytes);
	if (err)
		return err;

	for (row = chunk; count; count--, row += row_elements, out += snapshot->stride) {
		if (le32_to_cpu(row[0]) != snapshot->dim)
			return -EBADMSG;
		if (!vexfs_pack(out, row + 1, snapshot->dim))
			return -EBADMSG;
	}
	return 0;
}

static int read_file(struct vexfs_snapshot *snapshot, struct file *file, loff_t size)
{
	u32 done, count, rows_per_chunk;
	size_t row_bytes;
	__le32 *chunk, dim;
	int err;

	if (!size)
		return 0;
	if (size < sizeof(dim))
		return -EBADMSG;
	err = read_exactly(file, &dim, sizeof(dim), 0);
	if (err)
		return err;

	snapshot->dim = le32_to_cpu(dim);
	if (!snapshot->dim || snapshot->dim > VEXFS_DIM_MAX)
		return -EBADMSG;
	row_bytes = sizeof(dim) * (1 + snapshot->dim);
	if (size % row_bytes)
		return -EBADMSG;
	if (size / row_bytes > VEXFS_ROWS_MAX)
		return -EFBIG;
	snapshot->rows = size / row_bytes;
	snapshot->stride = round_up(snapshot->dim, VEXFS_LANES);

	snapshot->elements = vmalloc_huge(array3_size(snapshot->rows, snapshot->stride,
						      sizeof(*snapshot->elements)),
					  GFP_ROWS);
	chunk = kvmalloc(CHUNK_BYTES, GFP_KERNEL_ACCOUNT);
	err = snapshot->elements && chunk ? 0 : -ENOMEM;

	rows_per_chunk = CHUNK_BYTES / row_bytes;
	for (done = 0; !err && done < snapshot->rows; done += count) {
		count = min(rows_per_chunk, snapshot->rows - done);
		err = read_rows(snapshot, file, done, count, chunk);
		cond_resched();
	}
	kvfree(chunk);
	return err;
}

struct vexfs_snapshot *vexfs_snapshot_read(struct file *file, loff_t size)
{
	static atomic64_t generations = ATOMIC64_INIT(0);
	struct vexfs_snapshot *snapshot;
	int err;

	snapshot = kzalloc(sizeof(*snapshot), GFP_KERNEL_ACCOUNT);
	if (!snapshot)
		return ERR_PTR(-ENOMEM);
	refcount_set(&snapshot->users, 1);
	snapshot->generation = atomic64_inc_return(&generations);

	err = read_file(snapshot, file, size);
	if (err) {
		vexfs_snapshot_put(snapshot);
		return ERR_PTR(err);
	}
	return snapshot;
}

void vexfs_snapshot_put(struct vexfs_snapshot *snapshot)
{
	if (snapshot && refcount_dec_and_test(&snapshot->users)) {
		vfree(snapshot->elements);
		kfree(snapshot);
	}
}

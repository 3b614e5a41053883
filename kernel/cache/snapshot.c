// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>

#include "cache/block.h"
#include "cache/reading.h"
#include "cache/snapshot.h"
#include "search/rows.h"
#include "simd/simd.h"
#include "uapi/vexfs.h"

int vexfs_snapshot_read_rows(const struct vexfs_rows *rows, u32 *out, struct file *file,
			     u32 first, u32 count, __le32 *chunk)
{
	const size_t row_bytes = (1 + rows->dim) * sizeof(*chunk);
	int err;

	err = vexfs_read_exactly(file, chunk, count * row_bytes, first * row_bytes);
	if (err)
		return err;
	return vexfs_pack_records(rows, out, chunk, count) ? 0 : -EBADMSG;
}

static int read_elements(const struct vexfs_rows *rows, u32 *elements, struct file *file,
			 const struct vexfs_attempt *attempt)
{
	const u32 most = vexfs_chunk_rows(rows);
	u32 done, count;
	__le32 *chunk;
	int err = 0;

	chunk = __vmalloc(most * sizeof(*chunk) * (1 + rows->dim), VEXFS_GFP_COPY);
	if (!chunk)
		return -ENOMEM;
	for (done = 0; !err && done < rows->rows; done += count) {
		count = min(most, rows->rows - done);
		err = vexfs_snapshot_read_rows(rows, elements + (size_t)done * rows->stride,
					       file, done, count, chunk);
		if (!err && vexfs_attempt_disturbed(attempt))
			err = -EBADMSG;
	}
	vfree(chunk);
	return err;
}

/* What a file of @size bytes, whose first four were read, is made of. */
static int lay_out(struct vexfs_rows *rows, u32 dim, loff_t size)
{
	const size_t row_bytes = sizeof(__le32) * (1 + (size_t)dim);

	if (!dim || dim > VEXFS_DIM_MAX || size % row_bytes)
		return -EBADMSG;
	if (size / row_bytes > VEXFS_ROWS_MAX)
		return -EFBIG;
	rows->dim = dim;
	rows->stride = round_up(dim, VEXFS_LANES);
	rows->rows = size / row_bytes;
	return 0;
}

static int read_file(struct vexfs_snapshot *snapshot, struct file *file, loff_t size,
		     const struct vexfs_attempt *attempt)
{
	struct vexfs_rows *rows = &snapshot->rows;
	struct vexfs_block *base;
	__le32 dim;
	int err;

	if (!size)
		return 0;
	if (size < sizeof(dim))
		return -EBADMSG;
	err = vexfs_read_exactly(file, &dim, sizeof(dim), 0);
	if (!err)
		err = lay_out(rows, le32_to_cpu(dim), size);
	if (err)
		return err;

	base = vexfs_block_alloc(snapshot->copy.budget, rows->rows, rows->stride);
	if (IS_ERR(base))
		return PTR_ERR(base);
	snapshot->base = base;
	snapshot->copy.shared = base->bytes;
	base->filled = rows->rows;
	rows->elements = base->elements;
	rows->inverse = base->inverse;

	err = read_elements(rows, base->elements, file, attempt);
	return err ? err : vexfs_inverse_lengths(rows, base->inverse);
}

static void release(struct vexfs_copy *copy)
{
	struct vexfs_snapshot *snapshot = container_of(copy, struct vexfs_snapshot, copy);
	u32 i;

	for (i = 0; snapshot->own && i < snapshot->pieces; i++)
		vexfs_block_put(snapshot->own[i]);
	kvfree(snapshot->own);
	kvfree(snapshot->rows.pieces);
	vexfs_block_put(snapshot->base);
}

struct vexfs_snapshot *vexfs_snapshot_alloc(struct vexfs_budget *budget)
{
	struct vexfs_snapshot *snapshot;

	static_assert(sizeof(*snapshot) <= VEXFS_COPY_BYTES);
	static_assert(offsetof(struct vexfs_snapshot, copy) == 0);

	return vexfs_copy_alloc(budget, release);
}

struct vexfs_snapshot *vexfs_snapshot_read(struct vexfs_budget *budget, struct file *file,
					   loff_t size, const struct vexfs_attempt *attempt)
{
	const ktime_t begun = ktime_get();
	struct vexfs_snapshot *snapshot;
	int err;

	snapshot = vexfs_snapshot_alloc(budget);
	if (!snapshot)
		return ERR_PTR(-ENOMEM);
	err = read_file(snapshot, file, size, attempt);
	if (err) {
		vexfs_snapshot_put(snapshot);
		return ERR_PTR(err);
	}
	snapshot->line = (struct vexfs_line){
		.number = snapshot->copy.generation,
		.load_ns = ktime_to_ns(ktime_sub(ktime_get(), begun)),
		.end = KTIME_MAX,
		.stable = U32_MAX,
	};
	return snapshot;
}

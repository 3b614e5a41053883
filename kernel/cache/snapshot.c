// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "cache/reading.h"
#include "cache/snapshot.h"
#include "search/rows.h"
#include "simd/simd.h"
#include "uapi/vexfs.h"

#define CHUNK_BYTES	(256 * 1024)

/* Packs @count rows from @first on, read through @chunk, which has room for them. */
static int read_chunk(const struct vexfs_rows *rows, u32 *elements, struct file *file,
		      u32 first, u32 count, __le32 *chunk)
{
	const size_t row_bytes = (1 + rows->dim) * sizeof(*chunk);
	u32 *out = elements + (size_t)first * rows->stride;
	int err;

	err = vexfs_read_exactly(file, chunk, count * row_bytes, first * row_bytes);
	if (err)
		return err;
	return vexfs_pack_records(rows, out, chunk, count) ? 0 : -EBADMSG;
}

static int read_elements(const struct vexfs_rows *rows, u32 *elements, struct file *file,
			 const struct vexfs_attempt *attempt)
{
	const u32 most = CHUNK_BYTES / (sizeof(__le32) * (1 + rows->dim));
	u32 done, count;
	__le32 *chunk;
	int err = 0;

	chunk = __vmalloc(CHUNK_BYTES, VEXFS_GFP_COPY);
	if (!chunk)
		return -ENOMEM;
	for (done = 0; !err && done < rows->rows; done += count) {
		count = min(most, rows->rows - done);
		err = read_chunk(rows, elements, file, done, count, chunk);
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
	size_t element_bytes, inverse_bytes;
	u32 *elements, *inverse;
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

	element_bytes = array3_size(rows->rows, rows->stride, sizeof(*elements));
	inverse_bytes = array_size(rows->rows, sizeof(*inverse));
	err = vexfs_copy_reserve(&snapshot->copy, vexfs_array_bytes(element_bytes) +
				 vexfs_array_bytes(inverse_bytes));
	if (err)
		return err;
	elements = vmalloc_huge(element_bytes, VEXFS_GFP_COPY);
	rows->elements = elements;
	inverse = __vmalloc(inverse_bytes, VEXFS_GFP_COPY);
	rows->inverse = inverse;
	if (!elements || !inverse)
		return -ENOMEM;

	err = read_elements(rows, elements, file, attempt);
	return err ? err : vexfs_inverse_lengths(rows, inverse);
}

static void release(struct vexfs_copy *copy)
{
	struct vexfs_snapshot *snapshot = container_of(copy, struct vexfs_snapshot, copy);

	vfree(snapshot->rows.inverse);
	vfree(snapshot->rows.elements);
}

struct vexfs_snapshot *vexfs_snapshot_read(struct vexfs_budget *budget, struct file *file,
					   loff_t size, const struct vexfs_attempt *attempt)
{
	struct vexfs_snapshot *snapshot;
	int err;

	static_assert(sizeof(*snapshot) <= VEXFS_COPY_BYTES);
	static_assert(offsetof(struct vexfs_snapshot, copy) == 0);

	snapshot = vexfs_copy_alloc(budget, release);
	if (!snapshot)
		return ERR_PTR(-ENOMEM);
	err = read_file(snapshot, file, size, attempt);
	if (err) {
		vexfs_snapshot_put(snapshot);
		return ERR_PTR(err);
	}
	return snapshot;
}

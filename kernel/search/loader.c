// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nothing in an index file is trusted before it has been checked here or by its kind, and
 * the file is our own copy, so that it stays as it was checked.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/build_bug.h>
#include <linux/crc32.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat/compat.h"
#include "search/changes.h"
#include "search/index.h"
#include "search/kind.h"
#include "search/loader.h"
#include "search/rows.h"
#include "simd/fpu_section.h"
#include "uapi/vexfs.h"

#define HEADER_BYTES	320
/* Bytes that are summed between two looks at whether others want to run. */
#define CRC_BYTES	(1024 * 1024)

static const struct vexfs_kind *const kinds[] = {
	[VEXFS_KIND_HNSW] = &vexfs_kind_hnsw,
	[VEXFS_KIND_IVF] = &vexfs_kind_ivf,
	[VEXFS_KIND_PQ] = &vexfs_kind_pq,
	[VEXFS_KIND_LSH] = &vexfs_kind_lsh,
};

/* CRC-32C with the usual complements. */
static u32 crc(u32 before, const void *bytes, size_t count)
{
	return ~crc32c(~before, bytes, count);
}

/* The same in steps.  Returns 0 or -EINTR. */
static int long_crc(u32 *sum, const void *bytes, size_t count)
{
	size_t step;
	int err;

	for (; count; count -= step, bytes += step) {
		step = min_t(size_t, count, CRC_BYTES);
		*sum = crc(*sum, bytes, step);
		err = vexfs_relax();
		if (err)
			return err;
	}
	return 0;
}

/* The place of the sections: one after the other, without any freedom. */
static const char *sections_fault(const struct vexfs_index_header *header, u64 size, u32 count,
				  const u64 *bytes)
{
	u64 offset = HEADER_BYTES;
	u32 i;

	for (i = 0; i < count; i++) {
		if (i)
			offset = round_up(offset, VEXFS_INDEX_ALIGN);
		if (le64_to_cpu(header->section[i].offset) != offset ||
		    le64_to_cpu(header->section[i].bytes) != bytes[i])
			return "a section has another place or size than the parameters say";
		/* Eight sections of at most 2^48 bytes. */
		offset += bytes[i];
	}
	if (offset != size)
		return "the file does not end with its last section";
	if (memchr_inv(&header->section[count], 0,
		       (VEXFS_INDEX_SECTIONS - count) * sizeof(header->section[0])))
		return "there are sections that the kind does not have";
	return NULL;
}

const char *vexfs_index_header_fault(const struct vexfs_index_header *header, u64 size, u32 kind)
{
	u64 bytes[VEXFS_INDEX_SECTIONS] = { 0 };
	const struct vexfs_kind *ops;
	const char *fault;
	u64 rows;
	u32 version, dim, effort, exact, recall, measured, sections;

	static_assert(sizeof(*header) == HEADER_BYTES);

	if (size < sizeof(*header))
		return "it ends within the header";
	if (memcmp(header->magic, VEXFS_INDEX_MAGIC, sizeof(header->magic)))
		return "this is no index";
	if (crc(0, header, offsetof(struct vexfs_index_header, header_crc)) !=
	    le32_to_cpu(header->header_crc))
		return "the checksum of the header is wrong";
	version = le32_to_cpu(header->version);
	if (!version || version > VEXFS_INDEX_VERSION)
		return "the version is unknown";
	if (kind >= ARRAY_SIZE(kinds) || !kinds[kind] || le32_to_cpu(header->kind) != kind)
		return "it is of another kind than its name says";
	ops = kinds[kind];
	if (le32_to_cpu(header->metric) > VEXFS_METRIC_COSINE)
		return "the metric is unknown";
	dim = le32_to_cpu(header->dim);
	if (!dim || dim > VEXFS_DIM_MAX)
		return "the dimension is out of range";
	rows = le64_to_cpu(header->rows);
	if (!rows || rows >= VEXFS_INDEX_NONE)
		return "the number of rows is out of range";
	effort = le32_to_cpu(header->effort);
	if (!effort || effort > VEXFS_EFFORT_MAX)
		return "the effort is out of range";
	exact = le32_to_cpu(header->exact);
	recall = le32_to_cpu(header->recall);
	measured = le32_to_cpu(header->measured);
	if (version == 1 && (exact || recall || measured))
		return "a byte that is reserved in its version is not 0";
	if (exact > ops->exact)
		return "the kind cannot do without codes";
	if (ops->exact && !exact && dim > VEXFS_INDEX_CODED_DIM)
		return "its codes have too many elements";
	if (recall > VEXFS_INDEX_RECALL || (recall && !measured))
		return "the recall is out of range";
	if (memchr_inv(header->reserved, 0, sizeof(header->reserved)))
		return "a reserved byte is not 0";
	if (le64_to_cpu(header->bytes) != size)
		return "the size of the file is not what the header says";
	sections = ops->sections + vexfs_index_is_blocked(header);
	if (le32_to_cpu(header->sections) != sections)
		return "the number of sections is not that of the kind";

	fault = ops->params(header, bytes);
	if (vexfs_index_is_blocked(header))
		bytes[ops->sections] = (u64)vexfs_blocks_of(rows) * sizeof(__le32);
	return fault ?: sections_fault(header, size, sections, bytes);
}

int vexfs_index_check_blocks(const struct vexfs_index *index)
{
	u32 sum = 0;
	int err;

	err = long_crc(&sum, index->blocks, sizeof(*index->blocks) * vexfs_blocks_of(index->rows));
	if (err)
		return err;
	return sum == index->rows_crc ? 0 : -EUCLEAN;
}

static int load(struct vexfs_index *index, size_t size, u32 kind, const char **fault)
{
	const struct vexfs_index_header *header = index->bytes;
	void *section[VEXFS_INDEX_SECTIONS];
	u32 sum = 0, i;
	int err;

	*fault = vexfs_index_header_fault(header, size, kind);
	if (*fault)
		return -EUCLEAN;

	err = long_crc(&sum, index->bytes + HEADER_BYTES, size - HEADER_BYTES);
	if (err)
		return err;
	if (sum != le32_to_cpu(header->body_crc)) {
		*fault = "the checksum of the sections is wrong";
		return -EUCLEAN;
	}

	index->kind = kind;
	index->metric = le32_to_cpu(header->metric);
	index->dim = le32_to_cpu(header->dim);
	index->rows = le64_to_cpu(header->rows);
	index->effort = le32_to_cpu(header->effort);
	index->exact = le32_to_cpu(header->exact);
	index->rows_crc = le32_to_cpu(header->rows_crc);
	index->blocked = vexfs_index_is_blocked(header);
	index->ops = kinds[kind];
	if (index->blocked) {
		index->blocks = index->bytes +
				le64_to_cpu(header->section[index->ops->sections].offset);
		err = vexfs_index_check_blocks(index);
		if (err == -EUCLEAN)
			*fault = "the checksum of its rows is not that of their blocks";
		if (err)
			return err;
	}
	for (i = 0; i < index->ops->sections; i++)
		section[i] = index->bytes + le64_to_cpu(header->section[i].offset);
	return index->ops->load(index, header, section, fault);
}

struct vexfs_index *vexfs_index_parse(void *bytes, size_t size, u32 kind)
{
	struct vexfs_index *index;
	const char *fault = NULL;
	int err;

	index = kzalloc(sizeof(*index), VEXFS_GFP_INDEX);
	if (!index) {
		kvfree(bytes);
		return ERR_PTR(-ENOMEM);
	}
	index->bytes = bytes;

	err = load(index, size, kind, &fault);
	if (err) {
		if (err == -EUCLEAN)
			pr_notice_ratelimited("malformed %s index: %s\n",
					      kind < ARRAY_SIZE(kinds) && kinds[kind] ?
					      kinds[kind]->name : "unknown", fault);
		vexfs_index_free(index);
		return ERR_PTR(err);
	}
	return index;
}

void vexfs_index_free(struct vexfs_index *index)
{
	if (!index)
		return;
	kvfree(index->spare);
	kvfree(index->bytes);
	kfree(index);
}

/* Continues @sum by the elements of the rows from @first to before @end.  Returns 0 or -EINTR. */
static int rows_crc(const struct vexfs_rows *rows, u32 first, u32 end, u32 *sum)
{
	/* The padding of a row is not part of the sum, so each is added alone. */
	const u32 step = max_t(u32, CRC_BYTES / (rows->stride * sizeof(u32)), 1);
	struct vexfs_run run = { .rows = 0 };
	u32 i;
	int err;

	for (i = first; i < end; i++, run.rows--, run.at.elements += rows->stride) {
		if (!run.rows)
			run = vexfs_run_from(rows, i);
		*sum = crc(*sum, run.at.elements, rows->dim * sizeof(u32));
		if (i % step == 0) {
			err = vexfs_relax();
			if (err)
				return err;
		}
	}
	return 0;
}

static int block_crc(const struct vexfs_rows *rows, u32 covered, u32 block, u32 *sum)
{
	*sum = 0;
	return rows_crc(rows, block * VEXFS_INDEX_BLOCK, vexfs_block_end(covered, block), sum);
}

int vexfs_index_check_rows(const struct vexfs_index *index, const struct vexfs_rows *rows)
{
	u32 sum = 0, blocks, block, one;
	__le32 bytes;
	int err = 0;

	if (rows->rows < index->rows || rows->dim != index->dim)
		return -ESTALE;

	if (index->blocked) {
		blocks = vexfs_blocks_of(index->rows);
		for (block = 0; block < blocks && !err; block++) {
			err = block_crc(rows, index->rows, block, &one);
			bytes = cpu_to_le32(one);
			sum = crc(sum, &bytes, sizeof(bytes));
		}
	} else {
		err = rows_crc(rows, 0, index->rows, &sum);
	}
	if (err)
		return err;
	return sum == index->rows_crc ? 0 : -ESTALE;
}

int vexfs_index_compare_blocks(const struct vexfs_index *index, const struct vexfs_rows *rows,
			       u32 first, u32 end, struct vexfs_changes *changes)
{
	u32 block, sum;
	int err;

	for (block = first; block < end; block++) {
		err = block_crc(rows, index->rows, block, &sum);
		if (err)
			return err;
		vexfs_changes_set(changes, block, sum != le32_to_cpu(index->blocks[block]));
	}
	return 0;
}

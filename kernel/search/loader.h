/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The loader of index files: from bytes that nobody has looked at to an index that can be
 * searched.
 */
#ifndef VEXFS_LOADER_H
#define VEXFS_LOADER_H

#include <linux/types.h>

#include "search/changes.h"
#include "search/index.h"
#include "search/rows.h"
#include "uapi/vexfs_index.h"

/**
 * vexfs_index_header_fault() - check the header of an index file alone
 * @header: the first bytes of the file, as read
 * @size: size of the file in bytes
 * @kind: VEXFS_KIND_* of the file's extension
 *
 * That is all that docs/index-format.md demands of the 320 bytes, the place and size of
 * each section included.
 *
 * Return: NULL if the header is sound, else what is wrong, for the kernel log.
 */
const char *vexfs_index_header_fault(const struct vexfs_index_header *header, u64 size,
				     u32 kind);

/**
 * vexfs_index_parse() - check an index file
 * @bytes: the file, in a buffer of kvmalloc() or vmalloc() that is aligned to 64
 *	bytes.  It belongs to the index from here on, and is freed if there is none.
 * @size: bytes in the file
 * @kind: VEXFS_KIND_* of the file's extension
 *
 * May sleep.  A refusal leaves a line in the kernel log that says why.
 *
 * Return: the index, -EUCLEAN for a malformed file, -ENOMEM or, after a fatal
 * signal, -EINTR.
 */
struct vexfs_index *vexfs_index_parse(void *bytes, size_t size, u32 kind);

/**
 * vexfs_index_free() - free an index that nobody searches any more
 * @index: the index; NULL is fine
 */
void vexfs_index_free(struct vexfs_index *index);

/**
 * vexfs_index_check_rows() - does the index belong to these rows?
 * @index: the index
 * @rows: the rows of the vector file; of the index's dimension
 *
 * Reads all covered rows: once for each pair of index and snapshot.  May sleep.
 *
 * Return: 0, -ESTALE if the covered rows are not those of the build, or -EINTR.
 */
int vexfs_index_check_rows(const struct vexfs_index *index, const struct vexfs_rows *rows);

/**
 * vexfs_index_compare_blocks() - find covered rows that are no longer what they were
 * @index: an index that has blocks
 * @rows: the rows of the vector file, as many as are covered or more; of its dimension
 * @first: the first block to look at
 * @end: the block behind the last one
 * @changes: of so many covered rows; what was found is put in
 *
 * May sleep.
 *
 * Return: 0 or, after a fatal signal, -EINTR.
 */
int vexfs_index_compare_blocks(const struct vexfs_index *index, const struct vexfs_rows *rows,
			       u32 first, u32 end, struct vexfs_changes *changes);

/**
 * vexfs_index_check_blocks() - are the fingerprints of blocks those that the header means?
 * @index: an index that has blocks, or as much of one as its header and these tell
 *
 * Return: 0, -EUCLEAN or -EINTR.
 */
int vexfs_index_check_blocks(const struct vexfs_index *index);

/* Has a file with this sound header fingerprints of blocks, as its last section? */
static inline bool vexfs_index_is_blocked(const struct vexfs_index_header *header)
{
	return le32_to_cpu(header->version) >= 3;
}

#endif /* VEXFS_LOADER_H */

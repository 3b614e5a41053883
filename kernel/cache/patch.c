// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is read goes into blocks that no search knows yet, or behind the rows that any of
 * them knows.  All other rows stay where they are.
 */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "cache/block.h"
#include "cache/patch.h"
#include "cache/reading.h"
#include "search/rows.h"
#include "uapi/vexfs.h"

/* A piece of a large file, and how many pieces a small one has. */
#define PIECE_BYTES	(256 * 1024)
#define PIECES		64

/*
 * So many pieces may lie outside of the base before all is read anew: a quarter of it, and
 * some for a small file.
 */
#define OWN_PIECES(base)	((base) / 4 + PIECES / 4)

/* The ranges of a record as rows, and those that were appended. */
#define MOST_SPANS	(VEXFS_RECORD_RANGES + 1)

struct span {
	u32 from;
	u32 to;
};

struct patch {
	const struct vexfs_snapshot *old;
	struct vexfs_snapshot *new;
	struct vexfs_piece *table;	/* of the new one */
	u32 kept;			/* rows of the old one that were there all the time */
	u32 count;
	struct span span[MOST_SPANS];	/* rows to be read, ascending */
	struct file *file;
	__le32 *chunk;
	u32 chunk_rows;
};

static u32 pieces_of(u32 rows, u32 shift)
{
	return rows ? ((rows - 1) >> shift) + 1 : 0;
}

static u32 choose_shift(const struct vexfs_rows *rows)
{
	const u64 row_bytes = rows->stride * sizeof(u32);
	const u64 bytes = clamp(row_bytes * rows->rows / PIECES, PAGE_SIZE, PIECE_BYTES);

	return ilog2(max(div_u64(bytes, row_bytes), 1));
}

/* Spans come in any order, and there are few. */
static void add_span(struct patch *patch, u64 from, u64 to)
{
	u32 i;

	if (from >= to)
		return;
	for (i = patch->count++; i && patch->span[i - 1].from > from; i--)
		patch->span[i] = patch->span[i - 1];
	patch->span[i] = (struct span){ from, to };
}

/* Works out which rows are to be read, and how many there are now. */
static int plan(struct patch *patch, struct vexfs_rows *rows, const struct vexfs_record *record)
{
	const u32 row_bytes = sizeof(__le32) * (1 + rows->dim);
	u64 count, from, to;
	u32 rest, i;

	if (!record->stamp.size)
		return -ENODATA;
	count = div_u64_rem(record->stamp.size, row_bytes, &rest);
	if (rest || count > VEXFS_ROWS_MAX)
		return -EBADMSG;

	patch->kept = min(div_u64(record->least, row_bytes), rows->rows);
	for (i = 0; i < record->count; i++) {
		from = div_u64(record->range[i].from, row_bytes);
		to = div_u64(min(record->range[i].to, record->least) + row_bytes - 1, row_bytes);
		add_span(patch, from, min(to, patch->kept));
	}
	add_span(patch, patch->kept, count);
	/* Two ranges may have touched one row. */
	for (i = 1; i < patch->count; i++)
		patch->span[i].from = max(patch->span[i].from, patch->span[i - 1].to);
	rows->rows = count;
	return 0;
}

/* Is it worth it, or has the base few rows of the file? */
static bool is_worth_it(const struct patch *patch, u32 shift, u32 pieces)
{
	const struct vexfs_snapshot *old = patch->old;
	const u32 base = pieces_of(old->base->filled, shift);
	u64 own = 0;
	u32 i;

	for (i = 0; old->own && i < min(old->pieces, pieces); i++)
		own += !!old->own[i];
	for (i = 0; i < patch->count; i++)
		if (patch->span[i].from < patch->span[i].to)
			own += ((patch->span[i].to - 1) >> shift) -
			       (patch->span[i].from >> shift) + 1;
	return own <= OWN_PIECES(base) && base <= pieces + OWN_PIECES(base);
}

/* The new snapshot with all pieces of the old one. */
static int share(struct patch *patch, const struct vexfs_rows *rows, u32 pieces)
{
	const size_t base_step = (size_t)rows->stride << rows->shift;
	const struct vexfs_snapshot *old = patch->old;
	struct vexfs_block *base = old->base, *own;
	struct vexfs_snapshot *new = patch->new;
	u32 i;
	int err;

	err = vexfs_copy_reserve(&new->copy, (u64)pieces * (sizeof(*patch->table) +
							    sizeof(*new->own)));
	if (err)
		return err;
	new->rows = *rows;
	new->rows.elements = NULL;
	new->rows.inverse = NULL;
	patch->table = kvcalloc(pieces, sizeof(*patch->table), VEXFS_GFP_COPY);
	new->rows.pieces = patch->table;
	new->own = kvcalloc(pieces, sizeof(*new->own), VEXFS_GFP_COPY);
	if (!patch->table || !new->own)
		return -ENOMEM;
	new->pieces = pieces;
	new->base = vexfs_block_get(base);
	new->copy.shared = base->bytes;

	for (i = 0; i < pieces; i++) {
		own = old->own && i < old->pieces ? old->own[i] : NULL;
		if (own) {
			new->own[i] = vexfs_block_get(own);
			new->copy.shared += own->bytes;
			patch->table[i] = (struct vexfs_piece){ own->elements, own->inverse };
		} else if ((u64)i << rows->shift < base->filled) {
			patch->table[i].elements = base->elements + i * base_step;
			patch->table[i].inverse = base->inverse + ((size_t)i << rows->shift);
		}
	}
	return 0;
}

/* A block of its own for a piece, with what the old one has of its rows. */
static int copy_piece(struct patch *patch, u32 piece)
{
	const struct vexfs_rows *rows = &patch->new->rows;
	const u32 first = piece << rows->shift, size = 1U << rows->shift;
	const u32 kept = patch->kept > first ? min(patch->kept - first, size) : 0;
	struct vexfs_piece *from = &patch->table[piece];
	struct vexfs_block *block, **own = &patch->new->own[piece];

	block = vexfs_block_alloc(patch->new->copy.budget, size, rows->stride);
	if (IS_ERR(block))
		return PTR_ERR(block);
	block->number = patch->new->copy.generation;
	if (kept) {
		memcpy(block->elements, from->elements,
		       array3_size(kept, rows->stride, sizeof(u32)));
		memcpy(block->inverse, from->inverse, array_size(kept, sizeof(u32)));
	}
	if (*own)
		patch->new->copy.shared -= (*own)->bytes;
	vexfs_block_put(*own);
	*own = block;
	patch->new->copy.shared += block->bytes;
	*from = (struct vexfs_piece){ block->elements, block->inverse };
	return 0;
}

/* May the rows of a piece from @at on be written? */
static bool is_writable(const struct patch *patch, u32 piece, u32 at)
{
	const struct vexfs_snapshot *old = patch->old;
	const struct vexfs_block *own = patch->new->own[piece];

	if (!own)
		return false;
	if (!old->own || piece >= old->pieces || own != old->own[piece])
		return true;
	return own->filled == at;
}

/* Reads the rows of a piece from @from up to @to. */
static int read_piece(struct patch *patch, u32 piece, struct span span)
{
	struct vexfs_rows part = patch->new->rows;
	u32 at = span.from - (piece << part.shift), *out;
	struct vexfs_block *block;
	int err = 0;

	if (!is_writable(patch, piece, at))
		err = copy_piece(patch, piece);
	block = patch->new->own[piece];
	part.pieces = NULL;
	for (; !err && span.from < span.to; span.from += part.rows, at += part.rows) {
		out = block->elements + (size_t)at * part.stride;
		part.rows = min(span.to - span.from, patch->chunk_rows);
		err = vexfs_snapshot_read_rows(&part, out, patch->file, span.from, part.rows,
					       patch->chunk);
		part.elements = out;
		if (!err)
			err = vexfs_inverse_lengths(&part, block->inverse + at);
	}
	return err;
}

static int read_spans(struct patch *patch, const struct vexfs_attempt *attempt)
{
	const u32 shift = patch->new->rows.shift;
	struct span part;
	u32 i, piece;
	int err = 0;

	for (i = 0; i < patch->count; i++) {
		part.from = patch->span[i].from;
		for (; !err && part.from < patch->span[i].to; part.from = part.to) {
			piece = part.from >> shift;
			part.to = min((u64)(piece + 1) << shift, patch->span[i].to);
			err = read_piece(patch, piece, part);
			if (!err && vexfs_attempt_disturbed(attempt))
				err = -EBADMSG;
		}
	}
	return err;
}

/* From here on, what was read does not change any more. */
static void commit(struct patch *patch)
{
	const struct vexfs_rows *rows = &patch->new->rows;
	u32 i, piece, last;

	for (i = 0; i < patch->count; i++) {
		if (patch->span[i].from >= patch->span[i].to)
			continue;
		last = (patch->span[i].to - 1) >> rows->shift;
		for (piece = patch->span[i].from >> rows->shift; piece <= last; piece++)
			patch->new->own[piece]->filled =
				min(rows->rows - (piece << rows->shift), 1U << rows->shift);
	}

	patch->new->line = patch->old->line;
	if (patch->kept < patch->old->rows.rows)
		patch->new->line.stable = min(patch->new->line.stable, patch->kept);
	if (patch->count && patch->span[0].from < patch->old->rows.rows)
		patch->new->line.stable = min(patch->new->line.stable, patch->span[0].from);
}

static int read_chunks(struct patch *patch, const struct vexfs_attempt *attempt)
{
	const size_t row_bytes = sizeof(*patch->chunk) * (1 + patch->new->rows.dim);
	u32 longest = 0, i;
	int err;

	for (i = 0; i < patch->count; i++)
		if (patch->span[i].from < patch->span[i].to)
			longest = max(longest, patch->span[i].to - patch->span[i].from);
	patch->chunk_rows = min(longest, vexfs_chunk_rows(&patch->new->rows));
	patch->chunk = kvmalloc(patch->chunk_rows * row_bytes, VEXFS_GFP_COPY);
	if (!patch->chunk)
		return -ENOMEM;
	err = read_spans(patch, attempt);
	kvfree(patch->chunk);
	return err;
}

struct vexfs_snapshot *vexfs_snapshot_patch(const struct vexfs_snapshot *old, struct file *file,
					    const struct vexfs_record *record,
					    const struct vexfs_attempt *attempt)
{
	struct patch patch = { .old = old, .file = file };
	struct vexfs_rows rows = old->rows;
	u32 pieces;
	int err;

	/* No rows have no size, by which pieces could be cut. */
	if (!rows.rows)
		return ERR_PTR(-ENODATA);
	if (!rows.pieces)
		rows.shift = choose_shift(&rows);
	err = plan(&patch, &rows, record);
	if (err)
		return ERR_PTR(err);
	pieces = pieces_of(rows.rows, rows.shift);
	if (!is_worth_it(&patch, rows.shift, pieces))
		return ERR_PTR(-ENODATA);

	patch.new = vexfs_snapshot_alloc(old->copy.budget);
	if (!patch.new)
		return ERR_PTR(-ENOMEM);
	err = share(&patch, &rows, pieces);
	if (!err && patch.count)
		err = read_chunks(&patch, attempt);
	if (err) {
		vexfs_snapshot_put(patch.new);
		return ERR_PTR(err);
	}
	commit(&patch);
	return patch.new;
}

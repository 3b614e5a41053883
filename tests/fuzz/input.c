// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first 16 bytes of an input say what to do with the rest, which is an index file.
 * Checksums stop a mutation right at the door, and one wrong number at the next one; so both
 * are put right unless the input says otherwise: each door is tried, and what is behind.
 */
#include <asm/errno.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "input.h"
#include "search/loader.h"
#include "search/search.h"
#include "simd/simd.h"
#include "uapi/vexfs.h"

struct control {
	u8 kind;	/* % 4 */
	u8 keep;	/* KEEP_*: what is left as it is */
	u8 k;
	u8 tail;	/* rows beyond the covered ones */
	u8 effort[2];
	u8 values;	/* of rows and query */
	u8 width;	/* of vector registers, % 4 */
	u8 kill;	/* at which look at signals a first try ends; 0: no such try */
	u8 fail;	/* at which allocation it fails; 0: at none */
	u8 section;	/* of one number that is changed last: 1 to 8, 9 for the header */
	u8 how;		/* POKE_*, % 4 */
	u8 word[2];	/* which number of the section */
	u8 value[2];
};

#define POKE_SET	0	/* it becomes the value */
#define POKE_ROWS	1	/* the value more than there are rows */
#define POKE_HIGH	2	/* the value is its upper half */
#define POKE_FLIP	3	/* the value's bits are flipped */

#define KEEP_CHECKSUMS	0x01
#define KEEP_SECTIONS	0x02	/* their places and sizes */
#define KEEP_NUMBERS	0x04	/* rows, links, starts */
#define KEEP_FLOATS	0x08
#define KEEP_CODES	0x10
#define KEEP_RANGES	0x20	/* of header fields */
#define KEEP_ROWS_CRC	0x40

#define FILE_MAX	(128 * 1024)
#define ROWS_MAX	1024
#define ELEMENTS_MAX	(64 * 1024)

int harness_use(int width);
struct vexfs_index *harness_parse(const void *file, size_t size, u32 kind);
int harness_search(struct vexfs_index *index, const struct vexfs_rows *rows,
		   const struct vexfs_query *query, u32 k, u64 *keys, u64 *evaluated);

static u8 file[FILE_MAX] __aligned(64);
static float elements[ELEMENTS_MAX];
static u32 packed[2 * ELEMENTS_MAX + 16 * ROWS_MAX] __aligned(64);
static u32 inverse[ROWS_MAX];
static float query[VEXFS_DIM_MAX];
static u32 packed_query[VEXFS_DIM_MAX + 16] __aligned(64);

static u64 pad(u64 n, u64 step)
{
	return (n + step - 1) / step * step;
}

static u32 crc32c(u32 crc, const void *bytes, size_t count)
{
	return ~harness_crc32c(~crc, bytes, count);
}

/* Brings a number into a range, if it is not there. */
static u32 range(u32 n, u32 low, u32 high)
{
	return n >= low && n <= high ? n : low + n % (high - low + 1);
}

/* Sizes of the sections, as docs/index-format.md gives them.  Returns how many there are. */
static u32 section_sizes(const struct vexfs_index_header *h, u32 kind, u64 *bytes)
{
	const u32 *p = h->param;
	u64 vector = 4 * pad(h->dim, 16), codes = pad(h->dim, 64), upper = 0;
	u32 l;

	switch (kind) {
	case VEXFS_KIND_HNSW:
		for (l = 1; l < p[3] && l < 13; l++)
			upper += p[3 + l];
		bytes[0] = h->exact ? 0 : vector + 64;
		bytes[1] = 4 * h->rows;
		bytes[2] = h->exact ? 0 : codes * h->rows;
		bytes[3] = 4 * h->rows * p[1];
		bytes[4] = 4 * upper * p[0];
		return 5;
	case VEXFS_KIND_IVF:
		bytes[0] = vector * p[0];
		bytes[1] = h->exact ? 0 : vector + 64;
		bytes[2] = 4 * ((u64)p[0] + 1);
		bytes[3] = 4 * h->rows;
		bytes[4] = h->exact ? 0 : codes * h->rows;
		return 5;
	case VEXFS_KIND_PQ:
		bytes[0] = 64ULL * p[0] * p[2];
		bytes[1] = pad(h->rows, 32) / 32 * (p[0] / 2) * 32;
		return 2;
	default:
		bytes[0] = vector * p[0] * p[1];
		bytes[1] = 4ULL * p[0] * p[1];
		bytes[2] = 4 * p[0] * ((1ULL << p[2] % 32) + 1);
		bytes[3] = 4 * p[0] * h->rows;
		return 4;
	}
}

/* Makes a header of any bytes one that is sound by itself. */
static void fix_ranges(struct vexfs_index_header *h, u32 kind)
{
	u32 *p = h->param;
	u32 l, used = 3;

	memcpy(h->magic, VEXFS_INDEX_MAGIC, sizeof(h->magic));
	h->version = range(h->version, 1, VEXFS_INDEX_VERSION);
	h->exact = range(h->exact, 0, kind == VEXFS_KIND_HNSW || kind == VEXFS_KIND_IVF);
	h->recall = range(h->recall, 0, VEXFS_INDEX_RECALL);
	h->measured = range(h->measured, !!h->recall, 0xfffffffe);
	if (h->version == 1)
		h->exact = h->recall = h->measured = 0;
	h->kind = kind;
	h->metric = range(h->metric, 0, 2);
	h->dim = range(h->dim, 1, 70);
	h->rows = range(h->rows, 1, 90);
	h->effort = range(h->effort, 1, kind == VEXFS_KIND_LSH ? 40 : 65536);
	memset(h->reserved, 0, sizeof(h->reserved));
	switch (kind) {
	case VEXFS_KIND_HNSW:
		p[0] = range(p[0], 2, 8);
		p[1] = range(p[1], 2, 16);
		p[3] = range(p[3], 1, 13);
		for (l = 1; l < p[3]; l++)
			p[3 + l] = range(p[3 + l], 1, l == 1 ? h->rows : p[2 + l]);
		used = 3 + p[3];
		break;
	case VEXFS_KIND_IVF:
		p[0] = range(p[0], 1, h->rows);
		p[1] = range(p[1], 1, 65536);
		used = 2;
		break;
	case VEXFS_KIND_PQ:
		p[0] = 2 * range(p[0] / 2, 1, 16);
		p[1] = 4;
		p[2] = (h->dim + p[0] - 1) / p[0];
		break;
	default:
		p[0] = range(p[0], 1, 4);
		p[1] = range(p[1], 1, 16);
		p[2] = range(p[2], 1, 8);
	}
	memset(p + used, 0, (VEXFS_INDEX_PARAMS - used) * sizeof(*p));
}

/* Lays the content out anew.  Returns the size of the file, or what it was. */
static size_t fix_sections(struct vexfs_index_header *h, u32 kind, size_t size)
{
	static u8 content[FILE_MAX];
	size_t left = size - sizeof(*h);
	u64 bytes[8] = { 0 }, end = sizeof(*h), at, count;
	u32 sections = section_sizes(h, kind, bytes), i;
	u8 *from = content;

	for (i = 0; i < sections; i++) {
		if (bytes[i] > FILE_MAX)
			return size;
		end = (i ? pad(end, 64) : end) + bytes[i];
	}
	if (end > FILE_MAX)
		return size;

	memcpy(content, h + 1, left);
	memset(h + 1, 0, end - sizeof(*h));
	memset(h->section, 0, sizeof(h->section));
	for (at = sizeof(*h), i = 0; i < sections; i++, at += bytes[i - 1]) {
		at = i ? pad(at, 64) : at;
		h->section[i].offset = at;
		h->section[i].bytes = bytes[i];
		count = bytes[i] < left ? bytes[i] : left;
		memcpy(file + at, from, count);
		from += count;
		left -= count;
	}
	h->sections = sections;
	h->bytes = end;
	return end;
}

static void fix_floats(u32 *floats, u64 count)
{
	u64 i;

	for (i = 0; i < count; i++)
		if ((floats[i] & 0x7f800000) == 0x7f800000)
			floats[i] &= ~0x40000000U;
}

static void fix_vectors(u32 *floats, u64 rows, u32 dim)
{
	for (; rows; rows--, floats += pad(dim, 16)) {
		fix_floats(floats, dim);
		memset(floats + dim, 0, 4 * (pad(dim, 16) - dim));
	}
}

static void fix_quantizer(u32 *quantizer, u32 dim)
{
	u32 *scale = quantizer + pad(dim, 16);

	fix_vectors(quantizer, 1, dim);
	fix_vectors(scale, 1, 1);
	*scale &= 0x7fffffff;
	if (*scale < 0x00800000)
		*scale |= 0x00800000;
}

static void fix_codes(u8 *codes, u64 rows, u32 dim)
{
	u32 i;

	for (; rows; rows--, codes += pad(dim, 64)) {
		for (i = 0; i < dim; i++)
			codes[i] -= codes[i] == 0x80;
		memset(codes + dim, 0, pad(dim, 64) - dim);
	}
}

static void fix_permutation(u32 *numbers, u32 rows)
{
	static u32 order[FILE_MAX / 4];
	u32 i, j, number;

	/* Numbers say which two change places. */
	for (i = 0; i < rows; i++)
		order[i] = i;
	for (i = 0; i < rows; i++) {
		j = numbers[i] % rows;
		number = order[i];
		order[i] = order[j];
		order[j] = number;
	}
	memcpy(numbers, order, 4 * rows);
}

static void fix_links(u32 *links, u64 lists, u32 width, u32 limit)
{
	bool end;
	u32 i;

	for (; lists; lists--, links += width) {
		for (end = false, i = 0; i < width; i++) {
			end |= links[i] == VEXFS_INDEX_NONE;
			links[i] = end ? VEXFS_INDEX_NONE : links[i] % limit;
		}
	}
}

static void fix_starts(u32 *starts, u32 lists, u32 last)
{
	u32 i;

	starts[0] = 0;
	for (i = 1; i < lists; i++)
		starts[i] = starts[i - 1] + starts[i] % (last - starts[i - 1] + 1);
	starts[lists] = last;
}

/* Puts the content right, as far as the input does not keep it. */
static void fix_content(struct vexfs_index_header *h, u32 kind, u8 keep)
{
	const u32 *p = h->param, rows = h->rows;
	void *s[8];
	u32 i, l, *upper;

	for (i = 0; i < h->sections; i++)
		s[i] = file + h->section[i].offset;
	switch (kind) {
	case VEXFS_KIND_HNSW:
		if (!(keep & KEEP_FLOATS) && !h->exact)
			fix_quantizer(s[0], h->dim);
		if (!(keep & KEEP_CODES) && !h->exact)
			fix_codes(s[2], rows, h->dim);
		if (keep & KEEP_NUMBERS)
			break;
		fix_permutation(s[1], rows);
		fix_links(s[3], rows, p[1], rows);
		for (upper = s[4], l = 1; l < p[3]; upper += p[3 + l++] * p[0])
			fix_links(upper, p[3 + l], p[0], p[3 + l]);
		break;
	case VEXFS_KIND_IVF:
		if (!(keep & KEEP_FLOATS)) {
			fix_vectors(s[0], p[0], h->dim);
			if (!h->exact)
				fix_quantizer(s[1], h->dim);
		}
		if (!(keep & KEEP_CODES) && !h->exact)
			fix_codes(s[4], rows, h->dim);
		if (keep & KEEP_NUMBERS)
			break;
		fix_starts(s[2], p[0], rows);
		fix_permutation(s[3], rows);
		break;
	case VEXFS_KIND_PQ:
		if (!(keep & KEEP_FLOATS))
			fix_floats(s[0], 16ULL * p[0] * p[2]);
		break;
	default:
		if (!(keep & KEEP_FLOATS)) {
			fix_vectors(s[0], p[0] * p[1], h->dim);
			fix_floats(s[1], p[0] * p[1]);
		}
		if (keep & KEEP_NUMBERS)
			break;
		for (i = 0; i < p[0]; i++)
			fix_starts((u32 *)s[2] + i * ((1U << p[2]) + 1), 1U << p[2], rows);
		for (i = 0; i < p[0] * rows; i++)
			((u32 *)s[3])[i] %= rows;
	}
}

/* Changes one number of a file that is right: what fails one check alone gets to it. */
static void poke(struct vexfs_index_header *h, const struct control *control)
{
	u32 word = control->word[0] | control->word[1] << 8;
	u32 value = control->value[0] | control->value[1] << 8;
	u64 offset = 0, bytes = sizeof(*h);
	u32 *at;

	if (control->section >= 1 && control->section <= 8) {
		offset = h->section[control->section - 1].offset;
		bytes = h->section[control->section - 1].bytes;
	} else if (control->section != 9) {
		return;
	}
	if (bytes < 4 || offset > FILE_MAX || bytes > FILE_MAX - offset)
		return;
	at = (u32 *)(file + offset / 4 * 4) + word % (bytes / 4);
	switch (control->how % 4) {
	case POKE_SET:
		*at = value;
		break;
	case POKE_ROWS:
		*at = (u32)h->rows + (u32)(s32)(int16_t)value;
		break;
	case POKE_HIGH:
		*at = value << 16;
		break;
	default:
		*at ^= value;
	}
}

static float value(u32 *random, u8 values)
{
	u32 bits;
	float f;

	*random = *random * 1664525 + 1013904223;
	if (values % 4)
		return (float)(int)(*random >> 24) / (float)(values % 4);
	bits = *random;
	if ((bits & 0x7f800000) == 0x7f800000)
		bits &= ~0x40000000U;
	memcpy(&f, &bits, sizeof(f));
	return f;
}

/* Rows and a query for the file, if it is small enough.  Returns how many rows. */
static u32 make_rows(const struct vexfs_index_header *h, const struct control *control)
{
	u32 random = control->values, rows, i;

	if (!h->dim || h->dim > VEXFS_DIM_MAX || !h->rows || h->rows > ROWS_MAX - 256)
		return 0;
	rows = h->rows + control->tail % 16;
	if (rows * h->dim > ELEMENTS_MAX)
		return 0;
	for (i = 0; i < rows * h->dim; i++)
		elements[i] = value(&random, control->values);
	for (i = 0; i < h->dim; i++)
		query[i] = value(&random, control->values);
	return rows;
}

/* What the module does. */
static void run_c(const struct fuzz_case *input, struct fuzz_answer *answer)
{
	const struct vexfs_rows rows = {
		.elements = packed,
		.inverse = inverse,
		.dim = input->dim,
		.stride = pad(input->dim, 16),
		.rows = input->rows,
	};
	const struct vexfs_query asked = {
		.elements = packed_query,
		.metric = ((const struct vexfs_index_header *)input->file)->metric,
		.effort = input->effort,
	};
	struct vexfs_index *index;
	u64 keys[64];
	int count;
	u32 i;

	memset(answer, 0, sizeof(*answer));
	index = harness_parse(input->file, input->size, input->kind);
	if ((unsigned long)index > -4096UL)
		return;
	answer->accepted = 1;
	if (input->rows) {
		memset(packed, 0, 4 * (size_t)rows.stride * rows.rows);
		for (i = 0; i < rows.rows; i++)
			memcpy(packed + (size_t)i * rows.stride, elements + (size_t)i * rows.dim,
			       4 * rows.dim);
		memset(packed_query, 0, 4 * rows.stride);
		memcpy(packed_query, query, 4 * rows.dim);
		must(!vexfs_inverse_lengths(&rows, inverse) || harness.kill);
		answer->stale = vexfs_index_check_rows(index, &rows) == -ESTALE;
		count = harness_search(index, &rows, &asked, input->k, keys, &answer->evaluated);
		for (i = 0; (int)i < count; i++) {
			answer->hits[i].row = vexfs_key_row(keys[i]);
			answer->hits[i].distance = vexfs_key_distance(keys[i]);
		}
		answer->count = count > 0 ? count : 0;
	}
	vexfs_index_free(index);
}

static void print(const char *who, const struct fuzz_answer *answer)
{
	u32 i;

	fprintf(stderr, "%s: %s", who, answer->accepted ? "accepted" : "refused");
	if (answer->accepted)
		fprintf(stderr, ", %s, evaluated %llu, hits", answer->stale ? "stale" : "fresh",
			(unsigned long long)answer->evaluated);
	for (i = 0; i < answer->count; i++)
		fprintf(stderr, " %u:%08x", answer->hits[i].row, answer->hits[i].distance);
	fprintf(stderr, "\n");
}

/* Taking an implementation into service proves it, which would be most of the work. */
static void use(int width)
{
	static struct vexfs_simd proven[4];

	if (!proven[width].name) {
		must(!harness_use(width));
		proven[width] = vexfs_simd;
	}
	vexfs_simd = proven[width];
}

int fuzz_input(const uint8_t *bytes, size_t size, fuzz_rust_fn *rust)
{
	static struct fuzz_answer by_c, by_rust;
	struct vexfs_index_header *h = (void *)file;
	struct fuzz_case input = { .file = file };
	struct control control;
	u32 i;

	if (size < sizeof(control) || size - sizeof(control) > FILE_MAX / 2)
		return 0;
	memcpy(&control, bytes, sizeof(control));
	size -= sizeof(control);
	memset(file, 0, sizeof(*h));
	memcpy(file, bytes + sizeof(control), size);
	input.kind = 1 + control.kind % 4;

	if (!(control.keep & KEEP_SECTIONS)) {
		size = size < sizeof(*h) ? sizeof(*h) : size;
		if (!(control.keep & KEEP_RANGES))
			fix_ranges(h, input.kind);
		size = fix_sections(h, input.kind, size);
		if (!(control.keep & KEEP_RANGES))
			fix_content(h, input.kind, control.keep);
	}
	if (size >= sizeof(*h))
		poke(h, &control);
	if (size >= sizeof(*h)) {
		input.rows = make_rows(h, &control);
		input.dim = h->dim;
		if (input.rows && !(control.keep & KEEP_ROWS_CRC))
			for (h->rows_crc = 0, i = 0; i < h->rows; i++)
				h->rows_crc = crc32c(h->rows_crc, elements + (size_t)i * h->dim,
						     4 * h->dim);
		if (!(control.keep & KEEP_CHECKSUMS)) {
			h->body_crc = crc32c(0, h + 1, size - sizeof(*h));
			h->header_crc = crc32c(0, h, offsetof(struct vexfs_index_header,
							      header_crc));
		}
	}
	input.size = size;
	input.elements = elements;
	input.query = query;
	input.k = 1 + control.k % 64;
	if (input.k > input.rows)
		input.k = input.rows;
	/* That many probes of each table would take most of the time. */
	input.effort = (control.effort[0] | control.effort[1] << 8) %
		       (input.kind == VEXFS_KIND_LSH ? 40 : 2048);

	use(control.width % 4);
	if (control.kill || control.fail) {
		harness.kill = control.kill ? harness.looks + control.kill : 0;
		harness.fail = control.fail ? harness.allocations + control.fail : 0;
		run_c(&input, &by_c);
		harness.kill = 0;
		harness.fail = 0;
		must(!harness.live);
	}
	run_c(&input, &by_c);
	must(!harness.live);
	if (!rust)
		return by_c.accepted;

	memset(&by_rust, 0, sizeof(by_rust));
	rust(&input, &by_rust);
	if (memcmp(&by_c, &by_rust, sizeof(by_c))) {
		fprintf(stderr, "The implementations differ in an index of kind %u with %u rows of dimension %u, k %u, effort %u\n",
			input.kind, input.rows, input.dim, input.k, input.effort);
		fprintf(stderr, "kernel's log: %s", harness.log[0] ? harness.log : "\n");
		print("C   ", &by_c);
		print("Rust", &by_rust);
		abort();
	}
	return by_c.accepted;
}

// SPDX-License-Identifier: GPL-2.0-only
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "search/prepare.h"
#include "search/query.h"
#include "simd/fpu_section.h"
#include "simd/simd.h"
#include "uapi/vexfs.h"

/* Elements that are multiplied or coded at once, and what one may take. */
#define ELEMENTS	4096U
#define ELEMENT_NS	4
/* Likewise those that are compared with all centroids. */
#define TERMS		512U
#define TERM_NS		16

/* Elements that are worked on at once. */
struct part {
	u32 at;
	u32 count;
	int err;
};

/* Goes on to the next part of @count elements.  Returns false after the last, or an error. */
static bool next_part(struct part *part, struct vexfs_fpu *fpu, u32 count, u32 most, u32 each_ns)
{
	part->at += part->count;
	part->count = min(count - part->at, most);
	if (!part->count)
		return false;
	part->err = vexfs_fpu_spend(fpu, part->count * each_ns);
	return !part->err;
}

int vexfs_prepare_multiply(struct vexfs_fpu *fpu, const u32 *elements, u32 factor, u32 count,
			   u32 *out)
{
	struct part part = { 0 };

	while (next_part(&part, fpu, count, ELEMENTS, ELEMENT_NS))
		vexfs_query_multiply(elements + part.at, factor, part.count, out + part.at);
	return part.err;
}

static int code_l2(struct vexfs_fpu *fpu, const struct vexfs_quantizer *quantizer,
		   const u32 *elements, u32 count, s16 *out)
{
	struct part part = { 0 };

	while (next_part(&part, fpu, count, ELEMENTS, ELEMENT_NS))
		vexfs_query_code_l2(elements + part.at, quantizer->offset + part.at,
				    quantizer->scale, part.count, out + part.at);
	return part.err;
}

static int code_dot(struct vexfs_fpu *fpu, const u32 *elements, u32 count, s16 *out)
{
	struct part looked = { 0 }, part = { 0 };
	u32 peak = 0;

	while (next_part(&looked, fpu, count, ELEMENTS, ELEMENT_NS))
		peak = vexfs_query_peak(elements + looked.at, looked.count, peak);
	if (looked.err)
		return looked.err;
	while (next_part(&part, fpu, count, ELEMENTS, ELEMENT_NS))
		vexfs_query_code_dot(elements + part.at, peak, part.count, out + part.at);
	return part.err;
}

int vexfs_prepare_codes(struct vexfs_fpu *fpu, const struct vexfs_quantizer *quantizer, u32 metric,
			const u32 *elements, u32 inverse, u32 dim, u32 *scratch, s16 *out)
{
	const u32 count = round_up(dim, VEXFS_LANES);
	const u32 stride = round_up(dim, VEXFS_CODES);
	int err = 0;

	if (metric == VEXFS_METRIC_COSINE) {
		err = vexfs_prepare_multiply(fpu, elements, inverse, count, scratch);
		elements = scratch;
	}
	if (!err)
		err = metric == VEXFS_METRIC_L2 ? code_l2(fpu, quantizer, elements, count, out) :
						  code_dot(fpu, elements, count, out);
	if (err)
		return err;
	memset(out + count, 0, (stride - count) * sizeof(*out));
	if (vexfs_simd.code.prepare)
		vexfs_simd.code.prepare(out, stride);
	return 0;
}

/* The sums of one long sub-vector. */
static int sum_long(struct vexfs_fpu *fpu, bool l2, const u32 *elements, const u32 *codebook,
		    u32 sub, u32 *sums)
{
	struct part part = { 0 };

	while (next_part(&part, fpu, sub, TERMS, TERM_NS))
		vexfs_query_sums(l2, elements + part.at, codebook + part.at * VEXFS_PQ_CENTROIDS,
				 1, part.count, !part.at, sums);
	return part.err;
}

int vexfs_prepare_table(struct vexfs_fpu *fpu, bool l2, const u32 *elements, const u32 *codebook,
			u32 m, u32 sub, u32 *scratch, u8 *table)
{
	const u32 part = sub * VEXFS_PQ_CENTROIDS;
	u32 done, step;
	int err;

	for (done = 0; done < m; done += step) {
		step = min(m - done, max(TERMS / sub, 1U));
		if (sub > TERMS) {
			err = sum_long(fpu, l2, elements + done * sub, codebook + done * part, sub,
				       scratch + done * VEXFS_PQ_CENTROIDS);
			if (err)
				return err;
			continue;
		}
		err = vexfs_fpu_spend(fpu, step * sub * TERM_NS);
		if (err)
			return err;
		vexfs_query_sums(l2, elements + done * sub, codebook + done * part, step, sub,
				 true, scratch + done * VEXFS_PQ_CENTROIDS);
	}
	err = vexfs_fpu_spend(fpu, m * 64);
	if (err)
		return err;
	vexfs_query_table(l2, m, scratch, table);
	return 0;
}

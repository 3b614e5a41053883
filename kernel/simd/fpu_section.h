/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sections in which the FPU is used, and preemption therefore is off.
 *
 * A section ends when the work in it may have taken VEXFS_FPU_SECTION_NS.  What work may
 * take is reckoned for a slow machine: memory that gives 2 GB/s and answers after 100 ns,
 * with nothing overlapping.  The largest piece of work that is done at once is reckoned
 * likewise, and its callers keep it below VEXFS_FPU_SECTION_NS as well, as far as one row
 * allows it (that of 65,536 floats takes 131 us).  Up to 4,096 floats preemption is off for
 * less than 100 us, and for a tenth of that as a rule.
 */
#ifndef VEXFS_FPU_SECTION_H
#define VEXFS_FPU_SECTION_H

#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/types.h>

#include "simd/fpu.h"

#define VEXFS_FPU_SECTION_NS	65536U
#define VEXFS_MISS_NS		100U

/* What reading so many bytes may take. */
#define VEXFS_READ_NS(bytes)	((u32)(bytes) / 2)

/* How many items of @item_ns are done at once: a multiple of @step, where so many fit. */
static inline u32 vexfs_batch(u32 item_ns, u32 step, u32 most)
{
	u32 items = VEXFS_FPU_SECTION_NS / max(item_ns, 1U);

	if (items > step)
		items -= items % step;
	return clamp(items, 1U, most);
}

struct vexfs_fpu {
	u32 left;	/* ns of this section */
};

static inline void vexfs_fpu_begin(struct vexfs_fpu *fpu)
{
	kernel_fpu_begin();
	fpu->left = VEXFS_FPU_SECTION_NS;
}

static inline void vexfs_fpu_end(struct vexfs_fpu *fpu)
{
	kernel_fpu_end();
}

/* Lets others run, between two sections or in any long loop.  Returns 0 or -EINTR. */
static inline int vexfs_relax(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* Ends the section and begins another one. */
static inline int vexfs_fpu_renew(struct vexfs_fpu *fpu)
{
	int err;

	vexfs_fpu_end(fpu);
	err = vexfs_relax();
	vexfs_fpu_begin(fpu);
	return err;
}

/*
 * To be called before each piece of work that may take @ns.  Returns 0 or, after a
 * fatal signal, -EINTR; either way a section is open.
 */
static inline int vexfs_fpu_spend(struct vexfs_fpu *fpu, u32 ns)
{
	int err = 0;

	if (fpu->left < ns)
		err = vexfs_fpu_renew(fpu);
	fpu->left -= min(fpu->left, ns);
	return err;
}

#endif /* VEXFS_FPU_SECTION_H */

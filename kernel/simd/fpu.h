/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel has for its own use of vector registers, and the same for User-Mode Linux
 * (ARCH=um), which lacks it.
 *
 * UML's kernel is a process of a host.  Its vector registers are that process's own: programs
 * in UML run in other processes of the host, so there is nothing of theirs to be saved, and
 * MXCSR is as the host's exec() left it.  An interrupt of UML is a signal, for which the host
 * saves all registers, vectors included, and restores them afterwards.  Only a switch of tasks
 * is UML's own doing: longjmp() keeps what a function must keep, thus no vector.  So it
 * suffices that nobody preempts, which is more than UML's own kernel_fpu_begin() sees to.
 */
#ifndef VEXFS_FPU_H
#define VEXFS_FPU_H

#include <linux/fpu.h>
#include <asm/cpufeature.h>

#ifdef CONFIG_UML
#include <linux/bits.h>
#include <linux/preempt.h>
#include <linux/types.h>
#include <asm/fpu/xcr.h>

#undef kernel_fpu_begin
#undef kernel_fpu_end
#define kernel_fpu_begin()	preempt_disable()
#define kernel_fpu_end()	preempt_enable()

/* Bits of XCR0: those of <asm/fpu/types.h>, which UML cannot include. */
#define XFEATURE_MASK_SSE	BIT(1)
#define XFEATURE_MASK_YMM	BIT(2)
#define XFEATURE_MASK_AVX512	GENMASK(7, 5)

/*
 * Whether the host saves these.  boot_cpu_has() is what the host's /proc/cpuinfo lists, and a
 * host lists XSAVE only if it has switched it on; without, XGETBV is an illegal instruction.
 */
static inline bool cpu_has_xfeatures(u64 wanted, const char **name)
{
	return boot_cpu_has(X86_FEATURE_XSAVE) &&
	       (xgetbv(XCR_XFEATURE_ENABLED_MASK) & wanted) == wanted;
}
#endif /* CONFIG_UML */

#endif /* VEXFS_FPU_H */

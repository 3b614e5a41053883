// SPDX-License-Identifier: GPL-2.0-only
/*
 * The search of the kernel module in user space, for tests/kernel_search.rs.
 * shim/ stands in for the few kernel headers that it includes.
 */
#include "flat.h"

vexfs_scan_fn *vexfs_scan_best;
__thread int fpu_in_use;
int killed;

/* A flat search by the given scan.  Returns the number of keys or an errno. */
int harness_search(vexfs_scan_fn *scan_fn, const struct vexfs_scan *scan, u32 k, u64 *keys)
{
	struct vexfs_topk top = { .keys = keys, .k = k };
	int err;

	vexfs_scan_best = scan_fn;
	err = vexfs_flat_search(scan, &top);
	return err ? err : (int)top.count;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flat search: the distance of each row.
 */
#ifndef VEXFS_FLAT_H
#define VEXFS_FLAT_H

#include "distance.h"
#include "topk.h"

/*
 * Collects the nearest of the @scan->count rows in @top, in ascending order; the
 * limit of @scan is of no account.  Returns 0, -ENOMEM or, after a fatal
 * signal, -EINTR.
 */
int vexfs_flat_search(const struct vexfs_scan *scan, struct vexfs_topk *top);

#endif /* VEXFS_FLAT_H */

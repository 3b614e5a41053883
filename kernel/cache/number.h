/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VEXFS_NUMBER_H
#define VEXFS_NUMBER_H

#include <linux/types.h>

/* A number that was never given before, and is not 0. */
u64 vexfs_next_number(void);

#endif /* VEXFS_NUMBER_H */

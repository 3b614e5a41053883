/* SPDX-License-Identifier: GPL-2.0-only */

/* What the test pretends: whether the caller has been killed. */
extern int killed;

#define fatal_signal_pending(task)	killed

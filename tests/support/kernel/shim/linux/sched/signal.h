/* SPDX-License-Identifier: GPL-2.0-only */
#include "../../../harness.h"

#define fatal_signal_pending(task)	harness_is_killed()

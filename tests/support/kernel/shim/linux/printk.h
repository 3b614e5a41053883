/* SPDX-License-Identifier: GPL-2.0-only */
#include "../../harness.h"

#define KBUILD_MODNAME			"vexfs"
#define pr_info(format, ...)		harness_log(pr_fmt(format), ##__VA_ARGS__)
#define pr_err(format, ...)		harness_log(pr_fmt(format), ##__VA_ARGS__)
#define pr_notice_ratelimited(format, ...) harness_log(pr_fmt(format), ##__VA_ARGS__)

// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "cache/reading.h"

/* What is read before a signal is looked for and the CPU offered to others. */
#define STEP_BYTES	SZ_1M

struct file *vexfs_open_to_read(const struct path *lower, const struct cred *cred)
{
	const int flags = O_RDONLY | O_LARGEFILE | O_NOATIME;
	struct file *file = kernel_file_open(lower, flags, cred);

	if (IS_ERR(file) && file != ERR_PTR(-ENOMEM))
		return ERR_PTR(-EIO);
	return file;
}

int vexfs_read_exactly(struct file *file, void *buffer, size_t bytes, loff_t pos)
{
	ssize_t got;

	while (bytes) {
		got = kernel_read(file, buffer, min(bytes, STEP_BYTES), &pos);
		if (!got)
			return -EBADMSG;
		if (fatal_signal_pending(current))
			return -EINTR;
		if (got < 0)
			return got == -ENOMEM ? -ENOMEM : -EIO;
		buffer += got;
		bytes -= got;
		cond_resched();
	}
	return 0;
}

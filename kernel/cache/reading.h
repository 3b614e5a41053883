/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copying a lower file into memory of our own.
 */
#ifndef VEXFS_READING_H
#define VEXFS_READING_H

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/gfp.h>

/* Accounted to the caller, who gets -ENOMEM rather than the OOM killer. */
#define VEXFS_GFP_COPY	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/* Opens a lower file with nobody's flags.  Returns it, -ENOMEM or -EIO. */
struct file *vexfs_open_to_read(const struct path *lower, const struct cred *cred);

/*
 * Fills the buffer from @pos on.  Returns 0, -EBADMSG if the file ends before,
 * -EIO, -ENOMEM or, after a fatal signal, -EINTR.
 */
int vexfs_read_exactly(struct file *file, void *buffer, size_t bytes, loff_t pos);

#endif /* VEXFS_READING_H */

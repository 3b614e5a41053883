// SPDX-License-Identifier: GPL-2.0-only
/*
 * Open files: each has a lower one, which does the work and whose page cache
 * is the only one.
 *
 * Who changes a file holds the lock of our inode until that is done and
 * vexfs_content_changed() was called, so that a search knows whether it has read a
 * write halfway (cache/attempt.h).
 */
#include <linux/backing-file.h>
#include <linux/fadvise.h>
#include <linux/falloc.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/splice.h>

#include "fs/internal.h"

/*
 * Flags that the lower file need not have: the VFS has acted on them, and
 * that a write appends is said with each write.
 */
#define VEXFS_OPEN_DONE		(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND)
/* Flags that fcntl(F_SETFL) may change later. */
#define VEXFS_SETFL_MASK	(O_NONBLOCK | O_DIRECT | O_NOATIME)

/* The VFS has set up @file by its own inode: what matters is the lower one. */
static int vexfs_opened(struct inode *inode, struct file *file)
{
	struct file *lower = vexfs_lower_file(file);

	/*
	 * For readahead, sync_file_range and cachestat. Not on tmpfs, whose
	 * files are told by their f_mapping: mmap(2) would take our inode for
	 * one of tmpfs and read seals where there are none.
	 */
	if (!shmem_file(lower)) {
		file->f_mapping = lower->f_mapping;
		file->f_wb_err = filemap_sample_wb_err(file->f_mapping);
	}
	file->f_mode |= lower->f_mode & FMODE_CAN_ODIRECT;
	return 0;
}

static int vexfs_open(struct inode *inode, struct file *file)
{
	struct path path = vexfs_lower_path(file->f_path.dentry);
	struct file *lower;

	lower = backing_file_open(file, file->f_flags & ~VEXFS_OPEN_DONE,
				  &path, current_cred());
	if (IS_ERR(lower))
		return PTR_ERR(lower);
	file->private_data = lower;
	return vexfs_opened(inode, file);
}

static int vexfs_release(struct inode *inode, struct file *file)
{
	fput(vexfs_lower_file(file));
	return 0;
}

int vexfs_tmpfile(struct mnt_idmap *idmap, struct inode *dir,
		  struct file *file, umode_t mode)
{
	struct dentry *dentry = file->f_path.dentry;
	struct path lower_dir = vexfs_lower_path(dentry->d_parent);
	struct inode *inode;
	struct file *lower;
	int err;

	err = vexfs_want_write(dir->i_sb);
	if (err)
		return err;
	lower = backing_tmpfile_open(file, file->f_flags & ~O_APPEND,
				     &lower_dir, mode, current_cred());
	vexfs_drop_write(dir->i_sb);
	if (IS_ERR(lower))
		return PTR_ERR(lower);

	inode = vexfs_iget(dir->i_sb, file_inode(lower));
	if (IS_ERR(inode)) {
		fput(lower);
		return PTR_ERR(inode);
	}
	dentry->d_fsdata = dget(lower->f_path.dentry);
	d_mark_tmpfile(file, inode);
	d_instantiate(dentry, inode);

	file->private_data = lower;
	err = finish_open(file, dentry, vexfs_opened);
	/* An open that came so far is released like any other. */
	if (err && !(file->f_mode & FMODE_OPENED))
		fput(lower);
	return err;
}

/* The lower file, with the flags that ours has now. */
static struct file *vexfs_lower_file_synced(struct file *file)
{
	struct file *lower = vexfs_lower_file(file);

	if (likely(!((file->f_flags ^ lower->f_flags) & VEXFS_SETFL_MASK)))
		return lower;

	spin_lock(&lower->f_lock);
	lower->f_flags = (lower->f_flags & ~VEXFS_SETFL_MASK) |
			 (file->f_flags & VEXFS_SETFL_MASK);
	lower->f_iocb_flags = iocb_flags(lower);
	spin_unlock(&lower->f_lock);
	return lower;
}

/* The position is ours; the lower file only computes the new one. */
static loff_t vexfs_llseek(struct file *file, loff_t offset, int whence)
{
	struct file *lower = vexfs_lower_file(file);
	loff_t pos;

	lower->f_pos = file->f_pos;
	pos = vfs_llseek(lower, offset, whence);
	file->f_pos = lower->f_pos;
	return pos;
}

static ssize_t vexfs_read_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct file *file = iocb->ki_filp;
	struct backing_file_ctx ctx = {
		.cred = current_cred(),
		.user_file = file,
	};

	return backing_file_read_iter(vexfs_lower_file_synced(file), iter, iocb,
				      iocb->ki_flags, &ctx);
}

static ssize_t vexfs_splice_read(struct file *file, loff_t *pos,
				 struct pipe_inode_info *pipe, size_t len,
				 unsigned int flags)
{
	struct backing_file_ctx ctx = {
		.cred = current_cred(),
		.user_file = file,
	};

	return backing_file_splice_read(vexfs_lower_file_synced(file), pos,
					pipe, len, flags, &ctx);
}

static void vexfs_begin_change(struct inode *inode)
{
	inode_lock(inode);
	vexfs_content_changing(inode);
	vexfs_copy_attr(inode);
}

static void vexfs_end_change(struct inode *inode)
{
	vexfs_copy_attr(inode);
	vexfs_content_changed(inode);
	inode_unlock(inode);
}

static ssize_t vexfs_write_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct file *file = iocb->ki_filp;
	struct inode *inode = file_inode(file);
	struct backing_file_ctx ctx = {
		.cred = current_cred(),
		.user_file = file,
	};
	struct kiocb sync_iocb;
	ssize_t ret;

	if (!iov_iter_count(iter))
		return 0;

	/* Even an asynchronous write must end before the lock is dropped. */
	init_sync_kiocb(&sync_iocb, file);
	sync_iocb.ki_flags = iocb->ki_flags;
	sync_iocb.ki_pos = iocb->ki_pos;

	vexfs_begin_change(inode);
	ret = backing_file_write_iter(vexfs_lower_file_synced(file), iter,
				      &sync_iocb, iocb->ki_flags, &ctx);
	vexfs_end_change(inode);

	iocb->ki_pos = sync_iocb.ki_pos;
	return ret;
}

static ssize_t vexfs_splice_write(struct pipe_inode_info *pipe,
				  struct file *file, loff_t *pos, size_t len,
				  unsigned int flags)
{
	struct inode *inode = file_inode(file);
	struct backing_file_ctx ctx = {
		.cred = current_cred(),
		.user_file = file,
	};
	ssize_t ret;

	vexfs_begin_change(inode);
	ret = backing_file_splice_write(pipe, vexfs_lower_file_synced(file),
					pos, len, flags, &ctx);
	vexfs_end_change(inode);
	return ret;
}

static long vexfs_fallocate(struct file *file, int mode, loff_t offset,
			    loff_t len)
{
	struct inode *inode = file_inode(file);
	long ret;

	vexfs_begin_change(inode);
	ret = vfs_fallocate(vexfs_lower_file(file), mode, offset, len);
	vexfs_end_change(inode);
	return ret;
}

static ssize_t vexfs_copy_file_range(struct file *in, loff_t pos_in,
				     struct file *out, loff_t pos_out,
				     size_t len, unsigned int flags)
{
	struct inode *inode = file_inode(out);
	ssize_t ret;

	vexfs_begin_change(inode);
	ret = vfs_copy_file_range(vexfs_lower_file(in), pos_in,
				  vexfs_lower_file(out), pos_out, len, flags);
	vexfs_end_change(inode);
	return ret;
}

static loff_t vexfs_remap_file_range(struct file *in, loff_t pos_in,
				     struct file *out, loff_t pos_out,
				     loff_t len, unsigned int flags)
{
	struct inode *inode = file_inode(out);
	loff_t ret;

	vexfs_begin_change(inode);
	if (flags & REMAP_FILE_DEDUP)
		ret = vfs_dedupe_file_range_one(vexfs_lower_file(in), pos_in,
						vexfs_lower_file(out), pos_out,
						len, flags);
	else
		ret = vfs_clone_file_range(vexfs_lower_file(in), pos_in,
					   vexfs_lower_file(out), pos_out, len,
					   flags);
	vexfs_end_change(inode);
	return ret;
}

/* The mapping is of the lower file: readers and writers share its pages. */
static int vexfs_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct inode *inode = file_inode(file);
	struct backing_file_ctx ctx = {
		.cred = current_cred(),
		.user_file = file,
	};
	int err;

	err = backing_file_mmap(vexfs_lower_file_synced(file), vma, &ctx);
	if (!err && vma_is_shared_maywrite(vma))
		vexfs_content_mapped(inode);
	return err;
}

static int vexfs_fsync(struct file *file, loff_t start, loff_t end,
		       int datasync)
{
	return vfs_fsync_range(vexfs_lower_file(file), start, end, datasync);
}

static int vexfs_fadvise(struct file *file, loff_t offset, loff_t len,
			 int advice)
{
	return vfs_fadvise(vexfs_lower_file(file), offset, len, advice);
}

static int vexfs_flush(struct file *file, fl_owner_t id)
{
	struct file *lower = vexfs_lower_file(file);

	return lower->f_op->flush ? lower->f_op->flush(lower, id) : 0;
}

static int vexfs_iterate_shared(struct file *file, struct dir_context *ctx)
{
	struct file *lower = vexfs_lower_file(file);

	lower->f_pos = ctx->pos;
	return iterate_dir(lower, ctx);
}

const struct file_operations vexfs_file_ops = {
	.owner		= THIS_MODULE,
	.open		= vexfs_open,
	.release	= vexfs_release,
	.llseek		= vexfs_llseek,
	.read_iter	= vexfs_read_iter,
	.write_iter	= vexfs_write_iter,
	.splice_read	= vexfs_splice_read,
	.splice_write	= vexfs_splice_write,
	.copy_file_range = vexfs_copy_file_range,
	.remap_file_range = vexfs_remap_file_range,
	.mmap		= vexfs_mmap,
	.fallocate	= vexfs_fallocate,
	.fsync		= vexfs_fsync,
	.fadvise	= vexfs_fadvise,
	.flush		= vexfs_flush,
	.unlocked_ioctl	= vexfs_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

const struct file_operations vexfs_dir_ops = {
	.owner		= THIS_MODULE,
	.open		= vexfs_open,
	.release	= vexfs_release,
	.llseek		= vexfs_llseek,
	.read		= generic_read_dir,
	.iterate_shared	= vexfs_iterate_shared,
	.fsync		= vexfs_fsync,
};

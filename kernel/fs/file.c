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
#include <linux/cred.h>
#include <linux/fadvise.h>
#include <linux/falloc.h>
#include <linux/filelock.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/splice.h>

#include "fs/internal.h"

/*
 * Flags that the lower file need not have: the VFS has acted on them, and
 * that a write appends is said with each write.
 */
#define VEXFS_OPEN_DONE		(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND)
/* Flags that fcntl(F_SETFL) may change later. */
#define VEXFS_SETFL_MASK	(O_NONBLOCK | O_DIRECT)

/*
 * f_mapping stays that of our own inode, without pages and operations.  Who looks at it
 * takes its host for the file's inode, or the file for one of its host's filesystem
 * (swapon, memfd): with the lower one there, a filesystem would be called for an
 * inode that is not its own.
 */
static int vexfs_opened(struct inode *inode, struct file *file)
{
	file->f_mode |= vexfs_lower_file(file)->f_mode & FMODE_CAN_ODIRECT;
	if (vexfs_lower_file(file)->f_mode & FMODE_WRITE)
		atomic_inc(&vexfs_i(inode)->vectors.recorder.writers);
	vexfs_copy_attr(inode);
	return 0;
}

static struct vexfs_file *vexfs_file_alloc(void)
{
	struct vexfs_file *ours = kzalloc(sizeof(*ours), GFP_KERNEL_ACCOUNT);

	if (ours) {
		vexfs_sent_init(&ours->sent);
		vexfs_sent_filter_init(&ours->filter);
	}
	return ours;
}

static void vexfs_file_free(struct vexfs_file *ours, const struct super_block *sb)
{
	vexfs_sent_destroy(&ours->sent);
	vexfs_sent_filter_destroy(&ours->filter, &vexfs_sb(sb)->budget);
	kfree(ours);
}

/* A lower file that is only read need not know for whom. */
static const struct cred *vexfs_cred_for_file(const struct file *file)
{
	const struct inode *inode = file_inode(file);

	if (file->f_mode & FMODE_WRITE)
		return vexfs_cred_for_caller(inode);
	return get_cred(vexfs_sb(inode->i_sb)->cred);
}

static int vexfs_open(struct inode *inode, struct file *file)
{
	int flags = (file->f_flags & ~VEXFS_OPEN_DONE) | O_NOATIME;
	struct path path = vexfs_lower_path(file->f_path.dentry);
	const struct cred *caller, *cred;
	struct vexfs_file *ours;
	struct file *lower;

	ours = vexfs_file_alloc();
	if (!ours)
		return -ENOMEM;
	cred = vexfs_cred_for_file(file);
	if (IS_ERR(cred)) {
		vexfs_file_free(ours, inode->i_sb);
		return PTR_ERR(cred);
	}
	caller = override_creds(cred);
	lower = backing_file_open(file, flags, &path, cred);
	revert_creds(caller);
	put_cred(cred);
	if (IS_ERR(lower)) {
		vexfs_file_free(ours, inode->i_sb);
		return PTR_ERR(lower);
	}
	ours->lower = lower;
	file->private_data = ours;
	return vexfs_opened(inode, file);
}

static int vexfs_release(struct inode *inode, struct file *file)
{
	if (vexfs_lower_file(file)->f_mode & FMODE_WRITE)
		atomic_dec(&vexfs_i(inode)->vectors.recorder.writers);
	fput(vexfs_lower_file(file));
	vexfs_file_free(vexfs_f(file), inode->i_sb);
	return 0;
}

int vexfs_tmpfile(struct mnt_idmap *idmap, struct inode *dir,
		  struct file *file, umode_t mode)
{
	struct dentry *dentry = file->f_path.dentry;
	struct path lower_dir = vexfs_lower_path(dentry->d_parent);
	int flags = (file->f_flags & ~O_APPEND) | O_NOATIME;
	struct vexfs_acting acting;
	struct vexfs_file *ours;
	struct inode *inode;
	struct file *lower;
	int err;

	ours = vexfs_file_alloc();
	if (!ours)
		return -ENOMEM;
	err = vexfs_want_write(dir->i_sb);
	if (err)
		goto free;
	err = vexfs_act_as_creator(&acting, dentry, S_IFREG | mode);
	if (!err) {
		lower = backing_tmpfile_open(file, flags, &lower_dir, mode, acting.cred);
		vexfs_act_end(&acting);
	}
	vexfs_drop_write(dir->i_sb);
	if (err)
		goto free;
	err = PTR_ERR_OR_ZERO(lower);
	if (err)
		goto free;

	inode = vexfs_iget(dir->i_sb, file_inode(lower));
	err = PTR_ERR_OR_ZERO(inode);
	if (err)
		goto put;
	dentry->d_fsdata = dget(lower->f_path.dentry);
	d_mark_tmpfile(file, inode);
	d_instantiate(dentry, inode);

	ours->lower = lower;
	file->private_data = ours;
	err = finish_open(file, dentry, vexfs_opened);
	/* An open that came so far is released like any other. */
	if (!err || file->f_mode & FMODE_OPENED)
		return err;
put:
	fput(lower);
free:
	vexfs_file_free(ours, dir->i_sb);
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

/*
 * FIONREAD, copy_file_range() and what locks by SEEK_END look at the size of our inode
 * and do not ask us before.  So it is kept up by what does.
 */
static void vexfs_refresh_size(struct inode *inode)
{
	if (i_size_read(inode) != i_size_read(vexfs_lower_inode(inode)))
		vexfs_copy_attr(inode);
}

/* The position is ours; the lower file only computes the new one. */
static loff_t vexfs_llseek(struct file *file, loff_t offset, int whence)
{
	struct file *lower = vexfs_lower_file(file);
	const struct cred *caller;
	loff_t pos;

	lower->f_pos = file->f_pos;
	caller = override_creds(lower->f_cred);
	pos = vfs_llseek(lower, offset, whence);
	revert_creds(caller);
	file->f_pos = lower->f_pos;
	vexfs_refresh_size(file_inode(file));
	return pos;
}

static ssize_t vexfs_read_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct file *file = iocb->ki_filp;
	struct backing_file_ctx ctx = {
		.cred = vexfs_lower_file(file)->f_cred,
		.accessed = vexfs_accessed,
	};
	ssize_t ret;

	ret = backing_file_read_iter(vexfs_lower_file_synced(file), iter, iocb,
				     iocb->ki_flags, &ctx);
	vexfs_refresh_size(file_inode(file));
	return ret;
}

static ssize_t vexfs_splice_read(struct file *file, loff_t *pos,
				 struct pipe_inode_info *pipe, size_t len,
				 unsigned int flags)
{
	struct backing_file_ctx ctx = {
		.cred = vexfs_lower_file(file)->f_cred,
		.accessed = vexfs_accessed,
	};
	struct kiocb iocb;
	ssize_t ret;

	init_sync_kiocb(&iocb, file);
	iocb.ki_pos = *pos;
	ret = backing_file_splice_read(vexfs_lower_file_synced(file), &iocb,
				       pipe, len, flags, &ctx);
	*pos = iocb.ki_pos;
	vexfs_refresh_size(file_inode(file));
	return ret;
}

static int vexfs_begin_change(const struct file *file)
{
	struct inode *inode = file_inode(file);

	/* Whoever holds it may wait for a page of user space: be killable. */
	if (down_write_killable(&inode->i_rwsem))
		return -EINTR;
	vexfs_content_changing(inode, &vexfs_lower_file(file)->f_path);
	vexfs_copy_attr(inode);
	return 0;
}

static void vexfs_end_change(const struct file *file, struct vexfs_range touched)
{
	struct inode *inode = file_inode(file);

	vexfs_copy_attr(inode);
	vexfs_content_changed(inode, &vexfs_lower_file(file)->f_path, touched);
	inode_unlock(inode);
}

/* @len bytes from @from on; of what does not fit, to the end. */
static struct vexfs_range vexfs_bytes(loff_t from, loff_t len)
{
	return (struct vexfs_range) {
		.from = from,
		.to = len <= LLONG_MAX - from ? from + len : LLONG_MAX,
	};
}

/* The same, where what is called beneath takes no credentials. */
static int vexfs_begin_change_by(struct vexfs_acting *acting, const struct file *file)
{
	int err;

	err = vexfs_act_as_writer(acting, file);
	if (err)
		return err;
	err = vexfs_begin_change(file);
	if (err)
		vexfs_act_end(acting);
	return err;
}

static void vexfs_end_change_by(const struct vexfs_acting *acting, const struct file *file,
				struct vexfs_range touched)
{
	vexfs_end_change(file, touched);
	vexfs_act_end(acting);
}

static ssize_t vexfs_write_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct file *file = iocb->ki_filp;
	struct vexfs_range touched = vexfs_bytes(iocb->ki_pos, iov_iter_count(iter));
	struct backing_file_ctx ctx = {};
	struct kiocb sync_iocb;
	ssize_t ret;

	/* Behind all that was there. */
	if (iocb->ki_flags & IOCB_APPEND)
		touched = (struct vexfs_range){};
	if (!iov_iter_count(iter))
		return 0;
	ctx.cred = vexfs_cred_for_writer(file);
	if (IS_ERR(ctx.cred))
		return PTR_ERR(ctx.cred);

	/* Even an asynchronous write must end before the lock is dropped. */
	init_sync_kiocb(&sync_iocb, file);
	sync_iocb.ki_flags = iocb->ki_flags;
	sync_iocb.ki_pos = iocb->ki_pos;

	ret = vexfs_begin_change(file);
	if (!ret) {
		ret = backing_file_write_iter(vexfs_lower_file_synced(file), iter,
					      &sync_iocb, iocb->ki_flags, &ctx);
		vexfs_end_change(file, touched);
	}
	put_cred(ctx.cred);

	iocb->ki_pos = sync_iocb.ki_pos;
	return ret;
}

/* Takes nothing from the pipe: that ends the splice. */
static int vexfs_has_data(struct pipe_inode_info *pipe, struct pipe_buffer *buf,
			  struct splice_desc *desc)
{
	*(bool *)desc->u.data = true;
	return 0;
}

/* 1 once there is data, 0 at its end. */
static int vexfs_wait_for_data(struct pipe_inode_info *pipe, size_t len,
			       unsigned int flags)
{
	bool has_data = false;
	struct splice_desc desc = {
		.total_len = len,
		.flags = flags,
		.u.data = &has_data,
	};
	int err;

	pipe_lock(pipe);
	err = __splice_from_pipe(pipe, &desc, vexfs_has_data);
	pipe_unlock(pipe);
	return err ? err : has_data;
}

/*
 * A pipe may stay empty for ever, so wait for it before the lock.  The lock of the
 * pipe comes last, since a splice to the lower file takes it under the lower write
 * access: iter_file_splice_write() on our own file would take it first.
 */
static ssize_t vexfs_splice_write(struct pipe_inode_info *pipe,
				  struct file *file, loff_t *pos, size_t len,
				  unsigned int flags)
{
	struct backing_file_ctx ctx = {};
	struct vexfs_range touched;
	struct kiocb iocb;
	ssize_t ret;

	ctx.cred = vexfs_cred_for_writer(file);
	if (IS_ERR(ctx.cred))
		return PTR_ERR(ctx.cred);

	init_sync_kiocb(&iocb, file);
	iocb.ki_pos = *pos;
	/*
	 * Another reader may be faster: wait again.  A lower filesystem that says -EAGAIN by
	 * itself must not keep us here.
	 */
	do {
		ret = vexfs_wait_for_data(pipe, len, flags);
		if (ret > 0)
			ret = vexfs_begin_change(file) ?: 1;
		if (ret <= 0)
			break;
		touched = vexfs_bytes(iocb.ki_pos, len);
		ret = backing_file_splice_write(pipe,
						vexfs_lower_file_synced(file),
						&iocb, len,
						flags | SPLICE_F_NONBLOCK, &ctx);
		vexfs_end_change(file, touched);
		cond_resched();
	} while (ret == -EAGAIN && !(flags & SPLICE_F_NONBLOCK) &&
		 !signal_pending(current));
	*pos = iocb.ki_pos;
	put_cred(ctx.cred);
	return ret;
}

static long vexfs_fallocate(struct file *file, int mode, loff_t offset,
			    loff_t len)
{
	const int in_place = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE |
			     FALLOC_FL_UNSHARE_RANGE;
	struct vexfs_acting acting;
	long ret;

	ret = vexfs_begin_change_by(&acting, file);
	if (ret)
		return ret;
	ret = vfs_fallocate(vexfs_lower_file(file), mode, offset, len);
	vexfs_end_change_by(&acting, file,
			    mode & ~in_place ? VEXFS_WHOLE_FILE : vexfs_bytes(offset, len));
	return ret;
}

static ssize_t vexfs_copy_file_range(struct file *in, loff_t pos_in,
				     struct file *out, loff_t pos_out,
				     size_t len, unsigned int flags)
{
	struct vexfs_acting acting;
	ssize_t ret;

	ret = vexfs_begin_change_by(&acting, out);
	if (ret)
		return ret;
	ret = vfs_copy_file_range(vexfs_lower_file(in), pos_in,
				  vexfs_lower_file(out), pos_out, len, flags);
	vexfs_end_change_by(&acting, out, vexfs_bytes(pos_out, min_t(u64, len, LLONG_MAX)));
	vexfs_refresh_size(file_inode(in));
	return ret;
}

static loff_t vexfs_remap_file_range(struct file *in, loff_t pos_in,
				     struct file *out, loff_t pos_out,
				     loff_t len, unsigned int flags)
{
	struct vexfs_acting acting;
	loff_t ret;

	ret = vexfs_begin_change_by(&acting, out);
	if (ret)
		return ret;
	if (flags & REMAP_FILE_DEDUP)
		ret = vfs_dedupe_file_range_one(vexfs_lower_file(in), pos_in,
						vexfs_lower_file(out), pos_out,
						len, flags);
	else
		ret = vfs_clone_file_range(vexfs_lower_file(in), pos_in,
					   vexfs_lower_file(out), pos_out, len,
					   flags);
	/* No length means up to the end. */
	vexfs_end_change_by(&acting, out, vexfs_bytes(pos_out, len ?: LLONG_MAX));
	vexfs_refresh_size(file_inode(in));
	return ret;
}

/* The mapping is of the lower file: readers and writers share its pages. */
static int vexfs_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct inode *inode = file_inode(file);
	struct backing_file_ctx ctx = {
		.cred = vexfs_lower_file(file)->f_cred,
		.accessed = vexfs_accessed,
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
	struct file *lower = vexfs_lower_file(file);
	const struct cred *caller = override_creds(lower->f_cred);
	int err;

	err = vfs_fsync_range(lower, start, end, datasync);
	revert_creds(caller);
	return err;
}

static int vexfs_fadvise(struct file *file, loff_t offset, loff_t len,
			 int advice)
{
	struct file *lower = vexfs_lower_file(file);
	const struct cred *caller = override_creds(lower->f_cred);
	int err;

	err = vfs_fadvise(lower, offset, len, advice);
	revert_creds(caller);
	return err;
}

static int vexfs_flush(struct file *file, fl_owner_t id)
{
	struct file *lower = vexfs_lower_file(file);
	const struct cred *caller;
	int err;

	if (!lower->f_op->flush)
		return 0;
	caller = override_creds(lower->f_cred);
	err = lower->f_op->flush(lower, id);
	revert_creds(caller);
	return err;
}

static int vexfs_iterate_shared(struct file *file, struct dir_context *ctx)
{
	struct file *lower = vexfs_lower_file(file);
	const struct cred *caller = override_creds(lower->f_cred);
	int err;

	lower->f_pos = ctx->pos;
	err = iterate_dir(lower, ctx);
	revert_creds(caller);
	/* The VFS calls file_accessed() for us. */
	vexfs_copy_attr(file_inode(file));
	return err;
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
	.setlease	= generic_setlease,
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
	.setlease	= generic_setlease,
};

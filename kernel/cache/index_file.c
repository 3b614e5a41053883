// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index of a vector file is found by name in the lower directory, afresh for
 * each search.  The name is nearly always in the dentry cache, and to hold no
 * reference to the file lets its blocks go when somebody deletes it.
 *
 * Whoever may read the vectors may search them: the index is looked up and read
 * as the one who mounted would, whatever the caller's permission on it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/namei.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string_helpers.h>
#include <linux/stringhash.h>
#include <linux/vmalloc.h>

#include "cache/index_file.h"
#include "cache/lower.h"
#include "cache/reading.h"
#include "compat/compat.h"
#include "search/loader.h"

static const char * const extensions[VEXFS_INDEX_KINDS] = {
	[VEXFS_KIND_HNSW - 1]	= ".hnsw",
	[VEXFS_KIND_IVF - 1]	= ".ivf",
	[VEXFS_KIND_PQ - 1]	= ".pq",
	[VEXFS_KIND_LSH - 1]	= ".lsh",
};

/* Looks for @name in a lower directory where the cache does not tell. */
static struct dentry *look_up_slowly(struct super_block *sb, struct dentry *lower_dir,
				     struct qstr *name)
{
	const struct cred *caller = override_creds(vexfs_sb(sb)->cred);
	struct dentry *lower;

	lower = lookup_one_unlocked(&nop_mnt_idmap, name, lower_dir);
	revert_creds(caller);
	return lower;
}

/* The file's name with the extension of the index. */
static bool index_name(struct dentry *dentry, u32 kind, char *buffer, struct qstr *name)
{
	const char *extension = extensions[kind - 1];
	const size_t length = strlen(extension);
	bool fits;

	/* The lock keeps a rename from changing the name under our eyes. */
	spin_lock(&dentry->d_lock);
	fits = dentry->d_name.len + length <= NAME_MAX;
	if (fits) {
		name->len = dentry->d_name.len + length;
		memcpy(buffer, dentry->d_name.name, dentry->d_name.len);
	}
	spin_unlock(&dentry->d_lock);

	if (fits)
		memcpy(buffer + name->len - length, extension, length);
	name->name = buffer;
	return fits;
}

struct dentry *vexfs_index_file_find(struct file *file, u32 kind)
{
	struct dentry *dentry = file->f_path.dentry;
	struct dentry *dir, *lower_dir, *lower;
	char buffer[NAME_MAX + 1];
	struct inode *inode;
	struct qstr name;

	if (!index_name(dentry, kind, buffer, &name))
		return ERR_PTR(-ENODATA);
	buffer[name.len] = 0;

	dir = dget_parent(dentry);
	lower_dir = vexfs_lower_dentry(dir);
	name.hash = full_name_hash(lower_dir, name.name, name.len);
	lower = d_lookup(lower_dir, &name);
	if (!lower || lower->d_flags & DCACHE_OP_REVALIDATE) {
		dput(lower);
		lower = look_up_slowly(dentry->d_sb, lower_dir, &name);
	}
	dput(dir);

	if (IS_ERR(lower))
		switch (PTR_ERR(lower)) {
		case -ENOENT:
		case -ENAMETOOLONG:
			return ERR_PTR(-ENODATA);
		case -ENOMEM:
			return lower;
		default:
			return ERR_PTR(-EIO);
		}
	/* It may turn positive under us: look only once. */
	inode = d_inode_rcu(lower);
	if (inode && S_ISREG(inode->i_mode))
		return lower;
	dput(lower);
	return ERR_PTR(-ENODATA);
}

/* Any user may have chosen the name: it must not forge lines of the log. */
static void report_fault(const struct file *lower, const char *fault)
{
	struct name_snapshot name;
	char *quoted;

	take_dentry_name_snapshot(&name, lower->f_path.dentry);
	quoted = kstrdup_quotable(name.name.name, GFP_KERNEL);
	release_dentry_name_snapshot(&name);
	pr_warn_ratelimited("index %s: %s\n", quoted ?: "", fault);
	kfree(quoted);
}

int vexfs_index_file_header(struct file *lower, u64 size, u32 kind,
			    struct vexfs_index_header *header)
{
	const char *fault = "is shorter than its header";
	int err = -EBADMSG;

	if (size >= sizeof(*header))
		err = vexfs_read_exactly(lower, header, sizeof(*header), 0);
	if (!err)
		fault = vexfs_index_header_fault(header, size, kind);
	else if (err != -EBADMSG)
		return err;
	if (!fault)
		return 0;
	report_fault(lower, fault);
	return -EUCLEAN;
}

struct vexfs_index *vexfs_index_file_read(struct file *lower, u64 size, u32 kind)
{
	void *bytes;
	int err;

	/* Aligned to a page, so to a cache line. */
	bytes = vmalloc_huge(size, VEXFS_GFP_COPY);
	if (!bytes)
		return ERR_PTR(-ENOMEM);
	err = vexfs_read_exactly(lower, bytes, size, 0);
	if (!err)
		return vexfs_index_parse(bytes, size, kind);
	vfree(bytes);
	return ERR_PTR(err == -EBADMSG ? -EUCLEAN : err);
}

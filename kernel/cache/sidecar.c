// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an index file holds is kept with the inode of the vector file, for as long as
 * its stamp holds (stamp.c), and goes with that inode.
 *
 * Locks: `loading' of the vector file's inode, then the inode lock of the index
 * file, shared, against changes through the mount.  The latter is taken when no
 * other inode lock is held, so it matters not that the two files may be one.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "cache/index_file.h"
#include "cache/lower.h"
#include "cache/reading.h"
#include "cache/sidecar.h"
#include "cache/snapshot.h"
#include "cache/watch.h"
#include "search/index.h"
#include "search/loader.h"

/* The metric of a file that is no index. */
#define NO_METRIC	(~0U)

void vexfs_sidecars_init(struct vexfs_sidecars *sidecars)
{
	mutex_init(&sidecars->loading);
	spin_lock_init(&sidecars->lock);
	memset(sidecars->slot, 0, sizeof(sidecars->slot));
}

void vexfs_sidecar_put(struct vexfs_sidecar *sidecar)
{
	if (sidecar && refcount_dec_and_test(&sidecar->users)) {
		vexfs_index_free(sidecar->index);
		kfree(sidecar);
	}
}

/* Puts @sidecar, or nothing, into the slot. */
static void keep(struct vexfs_sidecars *sidecars, struct super_block *sb, u32 kind,
		 struct vexfs_sidecar *sidecar)
{
	struct vexfs_sidecar *old = sidecar;

	spin_lock(&sidecars->lock);
	swap(sidecars->slot[kind - 1], old);
	spin_unlock(&sidecars->lock);

	if (old && (!sidecar || old->stamp.ino != sidecar->stamp.ino))
		vexfs_unwatch(sb, old->stamp.ino);
	vexfs_sidecar_put(old);
}

void vexfs_sidecars_destroy(struct vexfs_sidecars *sidecars, struct super_block *sb)
{
	u32 kind;

	for (kind = 1; kind <= VEXFS_INDEX_KINDS; kind++)
		keep(sidecars, sb, kind, NULL);
}

static struct vexfs_sidecar *get_cached(struct vexfs_sidecars *sidecars, struct super_block *sb,
					const struct path *lower, u32 kind)
{
	struct vexfs_sidecar *sidecar;
	u64 changes;

	spin_lock(&sidecars->lock);
	sidecar = sidecars->slot[kind - 1];
	if (sidecar)
		refcount_inc(&sidecar->users);
	spin_unlock(&sidecars->lock);

	if (!sidecar)
		return NULL;
	changes = vexfs_watched_changes(sb, d_inode(lower->dentry)->i_ino);
	if (vexfs_stamp_holds(&sidecar->stamp, lower, changes))
		return sidecar;
	vexfs_sidecar_put(sidecar);
	return NULL;
}

/*
 * Fills in what the file is.  Returns 0 if that is known, malformed or not, and
 * -ENODATA if its header is for another metric than @metric: then it is not
 * worth to be read.
 */
static int read_sidecar(struct vexfs_sidecar *sidecar, struct file *lower, u32 kind,
			u32 metric)
{
	const u64 size = sidecar->stamp.size;
	struct vexfs_index_header header;
	struct vexfs_index *index;

	sidecar->metric = NO_METRIC;
	sidecar->err = vexfs_index_file_header(lower, size, kind, &header);
	if (!sidecar->err) {
		sidecar->metric = le32_to_cpu(header.metric);
		if (sidecar->metric != metric)
			return -ENODATA;
		index = vexfs_index_file_read(lower, size, kind);
		sidecar->err = PTR_ERR_OR_ZERO(index);
		if (!sidecar->err) {
			sidecar->index = index;
			sidecar->metric = index->metric;
		}
	}
	return sidecar->err == -EUCLEAN ? 0 : sidecar->err;
}

/* With the index file locked against changes through the mount. */
static struct vexfs_sidecar *load_locked(struct inode *index, const struct path *lower,
					 struct file *file, u32 kind, u32 metric)
{
	struct vexfs_sidecar *sidecar;
	int err, try = 0;
	u64 changes;

	sidecar = kzalloc(sizeof(*sidecar), GFP_KERNEL_ACCOUNT);
	if (!sidecar)
		return ERR_PTR(-ENOMEM);
	refcount_set(&sidecar->users, 1);
	sidecar->generation = vexfs_next_number();

	do {
		err = vexfs_watch(index);
		if (err)
			break;
		changes = vexfs_watched_changes(index->i_sb, index->i_ino);
		err = vexfs_stamp_take(&sidecar->stamp, lower, changes);
		if (!err)
			err = read_sidecar(sidecar, file, kind, metric);
	} while (!err && sidecar->err && ++try < VEXFS_READ_TRIES &&
		 !vexfs_stamp_holds(&sidecar->stamp, lower, changes));

	if (err) {
		vexfs_unwatch(index->i_sb, index->i_ino);
		vexfs_sidecar_put(sidecar);
		return ERR_PTR(err);
	}
	return sidecar;
}

static struct vexfs_sidecar *load(struct super_block *sb, const struct path *lower, u32 kind,
				  u32 metric)
{
	struct vexfs_sidecar *sidecar;
	struct inode *index;
	struct file *file;

	index = vexfs_sb(sb)->iget(sb, d_inode(lower->dentry));
	if (IS_ERR(index))
		return ERR_CAST(index);

	file = vexfs_open_to_read(lower, vexfs_sb(sb)->cred);
	if (IS_ERR(file)) {
		sidecar = ERR_CAST(file);
	} else if (down_read_killable(&index->i_rwsem)) {
		sidecar = ERR_PTR(-EINTR);
		fput(file);
	} else {
		sidecar = load_locked(index, lower, file, kind, metric);
		inode_unlock_shared(index);
		fput(file);
	}
	iput(index);
	return sidecar;
}

/* The sidecar that is the lower file now. */
static struct vexfs_sidecar *get_sidecar(struct vexfs_sidecars *sidecars, struct super_block *sb,
					 const struct path *lower, u32 kind, u32 metric)
{
	struct vexfs_sidecar *sidecar;

	sidecar = get_cached(sidecars, sb, lower, kind);
	if (sidecar)
		return sidecar;

	if (mutex_lock_killable(&sidecars->loading))
		return ERR_PTR(-EINTR);
	/* Somebody else may have loaded it in the meantime. */
	sidecar = get_cached(sidecars, sb, lower, kind);
	if (!sidecar) {
		/* What is out of date need not take memory beside the new one. */
		keep(sidecars, sb, kind, NULL);
		sidecar = load(sb, lower, kind, metric);
		if (!IS_ERR(sidecar)) {
			refcount_inc(&sidecar->users);
			keep(sidecars, sb, kind, sidecar);
		}
	}
	mutex_unlock(&sidecars->loading);
	return sidecar;
}

struct vexfs_sidecar *vexfs_sidecar_get(struct vexfs_sidecars *sidecars, struct file *file,
					u32 kind, u32 metric)
{
	struct super_block *sb = file_inode(file)->i_sb;
	struct path lower = { .mnt = vexfs_lower_mnt(sb) };
	struct vexfs_sidecar *sidecar;
	int err;

	lower.dentry = vexfs_index_file_find(file, kind);
	if (IS_ERR(lower.dentry)) {
		if (lower.dentry == ERR_PTR(-ENODATA))
			keep(sidecars, sb, kind, NULL);
		return ERR_CAST(lower.dentry);
	}
	sidecar = get_sidecar(sidecars, sb, &lower, kind, metric);
	dput(lower.dentry);
	if (IS_ERR(sidecar))
		return sidecar;

	err = sidecar->err;
	if (sidecar->metric != metric && sidecar->metric != NO_METRIC)
		err = -ENODATA;
	if (!err)
		return sidecar;
	vexfs_sidecar_put(sidecar);
	return ERR_PTR(err);
}

int vexfs_sidecar_check(struct vexfs_sidecar *sidecar,
			const struct vexfs_snapshot *snapshot)
{
	/* One word, so that two searches at once cannot mix their verdicts. */
	const u64 fits = snapshot->generation << 1, stale = fits | 1;
	const u64 known = READ_ONCE(sidecar->fits);
	int err;

	if (known == fits)
		return 0;
	if (known == stale)
		return -ESTALE;
	if (sidecar->index->dim != snapshot->rows.dim)
		return -EUCLEAN;
	err = vexfs_index_check_rows(sidecar->index, &snapshot->rows);
	if (!err || err == -ESTALE)
		WRITE_ONCE(sidecar->fits, err ? stale : fits);
	return err;
}

/* Reads the header of the lower file of a sidecar. */
static int read_lower_header(struct super_block *sb, const struct path *lower, u32 kind,
			     struct vexfs_index_header *header)
{
	struct file *file;
	int err;

	file = vexfs_open_to_read(lower, vexfs_sb(sb)->cred);
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = vexfs_index_file_header(file, i_size_read(file_inode(file)), kind, header);
	fput(file);
	return err;
}

int vexfs_sidecars_list(struct file *file, struct vexfs_index_info *list)
{
	struct super_block *sb = file_inode(file)->i_sb;
	struct path lower = { .mnt = vexfs_lower_mnt(sb) };
	struct vexfs_index_header header;
	int count = 0, err;
	u32 kind;

	for (kind = 1; kind <= VEXFS_INDEX_KINDS; kind++) {
		lower.dentry = vexfs_index_file_find(file, kind);
		err = PTR_ERR_OR_ZERO(lower.dentry);
		if (!err) {
			err = read_lower_header(sb, &lower, kind, &header);
			dput(lower.dentry);
		}
		if (err == -ENOMEM || err == -EINTR)
			return err;
		if (err)
			continue;
		list[count].kind = kind;
		list[count].metric = le32_to_cpu(header.metric);
		list[count].rows = le64_to_cpu(header.rows);
		count++;
	}
	return count;
}

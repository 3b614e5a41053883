// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an index file holds is kept with the inode of the vector file, for as long as
 * its stamp holds (stamp.c) and the budget has room for it (budget.c).
 *
 * Its header, and its fingerprints of blocks where it has them, tell whether it can belong to
 * the rows.  If not, its body is not read, and a note is kept, so that the next search need not
 * look again.
 *
 * Locks: `loading' of the vector file's inode, then, where an index file changes all the
 * time, its inode lock (attempt.h).  The latter is taken when no other inode lock is
 * held, so it matters not that the two files may be one.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/minmax.h>

#include "cache/attempt.h"
#include "cache/fit.h"
#include "cache/index_file.h"
#include "cache/lower.h"
#include "cache/reading.h"
#include "cache/sidecar.h"
#include "cache/snapshot.h"
#include "cache/watch.h"
#include "search/index.h"
#include "search/loader.h"
#include "search/scratch.h"

/* The metric of a file that is no index. */
#define NO_METRIC	(~0U)

void vexfs_sidecars_init(struct vexfs_sidecars *sidecars)
{
	u32 i;

	mutex_init(&sidecars->loading);
	for (i = 0; i < VEXFS_INDEX_KINDS; i++)
		RCU_INIT_POINTER(sidecars->slot[i], NULL);
}

static void release(struct vexfs_copy *copy)
{
	struct vexfs_sidecar *sidecar = container_of(copy, struct vexfs_sidecar, copy);
	struct vexfs_sb *sbi = container_of(copy->budget, struct vexfs_sb, budget);

	vexfs_unwatch(&sbi->watched, copy->stamp.ino, copy->stamp.changes);
	vexfs_fit_keep(&sidecar->fit, NULL);
	vexfs_index_free(sidecar->index);
}

/* Puts @sidecar, or nothing, into the slot. */
static void keep(struct vexfs_sidecars *sidecars, struct super_block *sb, u32 kind,
		 struct vexfs_sidecar *sidecar)
{
	vexfs_copy_keep(&vexfs_sb(sb)->budget, &sidecars->slot[kind - 1],
			sidecar ? &sidecar->copy : NULL);
}

void vexfs_sidecars_destroy(struct vexfs_sidecars *sidecars, struct super_block *sb)
{
	u32 kind;

	for (kind = 1; kind <= VEXFS_INDEX_KINDS; kind++)
		keep(sidecars, sb, kind, NULL);
}

/* Are the covered rows those that were there first, in the line of the snapshot? */
static bool covers_stable_rows(const struct vexfs_sidecar *sidecar,
			       const struct vexfs_snapshot *snapshot)
{
	return sidecar->rows <= min(snapshot->line.stable, snapshot->rows.rows);
}

/* One word, so that two searches at once cannot mix their verdicts. */
static u64 verdict(const struct vexfs_snapshot *snapshot, bool stale)
{
	return snapshot->copy.generation << 1 | stale;
}

static bool is_known(const struct vexfs_sidecar *sidecar, const struct vexfs_snapshot *snapshot,
		     bool stale)
{
	return READ_ONCE(sidecar->fits) == verdict(snapshot, stale);
}

/* All covered rows are what they were. */
static void note_fit(struct vexfs_sidecar *sidecar, const struct vexfs_snapshot *snapshot)
{
	WRITE_ONCE(sidecar->fits, verdict(snapshot, false));
	if (covers_stable_rows(sidecar, snapshot))
		WRITE_ONCE(sidecar->fits_line, snapshot->line.number);
}

/* As much of an index as its header tells. */
static struct vexfs_index claim_of(const struct vexfs_sidecar *sidecar)
{
	return (struct vexfs_index){
		.dim = sidecar->dim,
		.rows = sidecar->rows,
		.rows_crc = sidecar->rows_crc,
		.blocked = sidecar->blocked,
	};
}

/* Compares all covered rows by their one fingerprint. */
static int check_rows(struct vexfs_sidecar *sidecar, const struct vexfs_snapshot *snapshot)
{
	const struct vexfs_index claim = claim_of(sidecar);
	int err;

	if (sidecar->dim != snapshot->rows.dim)
		return -EUCLEAN;
	err = vexfs_index_check_rows(&claim, &snapshot->rows);
	if (!err)
		note_fit(sidecar, snapshot);
	return err;
}

/* Keeps what was found of an index that has blocks.  Puts @fit, unless rows have changed. */
static int keep_fit(struct vexfs_sidecar *sidecar, const struct vexfs_snapshot *snapshot,
		    struct vexfs_fit *fit, struct vexfs_fit **changed)
{
	if (IS_ERR(fit))
		return PTR_ERR(fit);
	vexfs_fit_keep(&sidecar->fit, fit);
	if (fit->changes.rows) {
		*changed = fit;
		return 0;
	}
	note_fit(sidecar, snapshot);
	vexfs_fit_put(fit);
	return 0;
}

static int check_blocks(struct vexfs_sidecar *sidecar, const struct vexfs_snapshot *snapshot,
			struct vexfs_fit **fit)
{
	struct vexfs_fit *last, *found;

	if (sidecar->dim != snapshot->rows.dim)
		return -EUCLEAN;
	if (!sidecar->index || sidecar->rows > snapshot->rows.rows)
		return -ESTALE;
	last = vexfs_fit_get(&sidecar->fit);
	if (last && last->generation == snapshot->copy.generation && last->changes.rows) {
		*fit = last;
		return 0;
	}
	found = vexfs_fit_find(sidecar->index, last, snapshot);
	vexfs_fit_put(last);
	return keep_fit(sidecar, snapshot, found, fit);
}

int vexfs_sidecar_check(struct vexfs_sidecar *sidecar, const struct vexfs_snapshot *snapshot,
			struct vexfs_fit **fit)
{
	int err;

	*fit = NULL;
	if (is_known(sidecar, snapshot, false))
		return 0;
	if (is_known(sidecar, snapshot, true))
		return -ESTALE;
	/* What was appended or changed behind these rows need not be looked at. */
	if (READ_ONCE(sidecar->fits_line) == snapshot->line.number &&
	    covers_stable_rows(sidecar, snapshot))
		return 0;
	err = sidecar->blocked ? check_blocks(sidecar, snapshot, fit) :
				 check_rows(sidecar, snapshot);
	if (err == -ESTALE)
		WRITE_ONCE(sidecar->fits, verdict(snapshot, true));
	return err;
}

/* What a search wants to know of it is known. */
static bool suffices(struct vexfs_sidecar *sidecar, u32 metric,
		     const struct vexfs_snapshot *snapshot)
{
	if (sidecar->index || sidecar->err || sidecar->metric != metric)
		return true;
	if (sidecar->dim != snapshot->rows.dim || sidecar->rows > snapshot->rows.rows)
		return true;
	/* Of a note with blocks it takes a look at these to know more. */
	return is_known(sidecar, snapshot, true) ||
	       (!sidecar->blocked && check_rows(sidecar, snapshot));
}

static struct vexfs_sidecar *get_cached(struct vexfs_sidecars *sidecars, struct super_block *sb,
					const struct path *lower, u32 kind, u32 metric,
					const struct vexfs_snapshot *snapshot)
{
	struct vexfs_copy *copy = vexfs_copy_get(&sidecars->slot[kind - 1]);
	struct vexfs_sidecar *sidecar;
	u64 number;

	if (!copy)
		return NULL;
	sidecar = container_of(copy, struct vexfs_sidecar, copy);
	number = vexfs_watched(sb, d_inode(lower->dentry)->i_ino);
	if (vexfs_stamp_holds(&copy->stamp, lower, number) &&
	    suffices(sidecar, metric, snapshot)) {
		vexfs_copy_touch(copy);
		return sidecar;
	}
	vexfs_copy_put(copy);
	return NULL;
}

/*
 * Compares by the fingerprints of blocks in the file, which are read alone.  Where they are not
 * what the header means, that is for who reads the body to find.
 */
static int compare_blocks(struct vexfs_sidecar *sidecar, struct file *lower,
			  const struct vexfs_index_section *section,
			  const struct vexfs_snapshot *snapshot)
{
	struct vexfs_index claim = claim_of(sidecar);
	struct vexfs_fit *fit, *changed = NULL;
	__le32 *blocks;
	int err;

	blocks = kvmalloc(le64_to_cpu(section->bytes), VEXFS_GFP_COPY);
	if (!blocks)
		return -ENOMEM;
	err = vexfs_read_exactly(lower, blocks, le64_to_cpu(section->bytes),
				 le64_to_cpu(section->offset));
	claim.blocks = blocks;
	if (!err)
		err = vexfs_index_check_blocks(&claim);
	if (!err) {
		fit = vexfs_fit_find(&claim, NULL, snapshot);
		err = keep_fit(sidecar, snapshot, fit, &changed);
		vexfs_fit_put(changed);
	} else if (err == -EUCLEAN || err == -EBADMSG) {
		err = 0;
	}
	kvfree(blocks);
	return err;
}

/* Can the index belong to the rows, as far as is known without its body? */
static int check_header(struct vexfs_sidecar *sidecar, struct file *lower,
			const struct vexfs_index_header *header,
			const struct vexfs_snapshot *snapshot)
{
	const u32 last = le32_to_cpu(header->sections) - 1;
	struct vexfs_fit *fit;
	int err;

	if (sidecar->blocked) {
		err = vexfs_copy_reserve(&sidecar->copy, vexfs_fit_bytes(sidecar->rows));
		if (err)
			return err;
	}
	err = check_rows(sidecar, snapshot);
	if (!err && sidecar->blocked) {
		fit = vexfs_fit_whole(sidecar->rows, snapshot);
		if (!fit)
			return -ENOMEM;
		vexfs_fit_keep(&sidecar->fit, fit);
		vexfs_fit_put(fit);
	} else if (err == -ESTALE && sidecar->blocked && sidecar->rows <= snapshot->rows.rows) {
		err = compare_blocks(sidecar, lower, &header->section[last], snapshot);
	}
	if (err == -ESTALE)
		WRITE_ONCE(sidecar->fits, verdict(snapshot, true));
	return err;
}

/* Reads the body into a sidecar that has its header. */
static int read_body(struct vexfs_sidecar *sidecar, struct file *lower, u64 size, u32 kind)
{
	struct vexfs_index *index;
	int err;

	err = vexfs_copy_reserve(&sidecar->copy, vexfs_array_bytes(size) +
				 vexfs_scratch_kept(sidecar->rows));
	if (err)
		return err;
	index = vexfs_index_file_read(lower, size, kind);
	if (IS_ERR(index))
		return PTR_ERR(index);
	/* The file may have changed since its header was read. */
	if (index->metric != sidecar->metric || index->dim != sidecar->dim ||
	    index->rows != sidecar->rows || index->rows_crc != sidecar->rows_crc ||
	    index->blocked != sidecar->blocked) {
		vexfs_index_free(index);
		return -EUCLEAN;
	}
	sidecar->index = index;
	return 0;
}

/*
 * Fills in what the file is.  Returns 0 if that is known, malformed or not, and
 * -ENODATA if its header is for another metric than @metric: then it is not
 * worth to be read.
 */
static int read_sidecar(struct vexfs_sidecar *sidecar, struct file *lower, u32 kind,
			u32 metric, const struct vexfs_snapshot *snapshot)
{
	const u64 size = sidecar->copy.stamp.size;
	struct vexfs_index_header header;
	int err;

	sidecar->metric = NO_METRIC;
	err = vexfs_index_file_header(lower, size, kind, &header);
	if (!err) {
		sidecar->metric = le32_to_cpu(header.metric);
		if (sidecar->metric != metric)
			return -ENODATA;
		sidecar->dim = le32_to_cpu(header.dim);
		sidecar->rows = le64_to_cpu(header.rows);
		sidecar->rows_crc = le32_to_cpu(header.rows_crc);
		sidecar->blocked = vexfs_index_is_blocked(&header);

		err = check_header(sidecar, lower, &header, snapshot);
		if (err)
			return err == -ESTALE || err == -EUCLEAN ? 0 : err;
		err = read_body(sidecar, lower, size, kind);
	}
	if (err != -EUCLEAN)
		return err;
	sidecar->err = err;
	return 0;
}

static struct vexfs_sidecar *read_once(struct inode *index, const struct path *lower,
				       struct file *file, u32 kind, u32 metric,
				       const struct vexfs_snapshot *snapshot)
{
	struct vexfs_sidecar *sidecar;
	u64 number;
	int err;

	static_assert(sizeof(*sidecar) <= VEXFS_COPY_BYTES);
	static_assert(offsetof(struct vexfs_sidecar, copy) == 0);

	sidecar = vexfs_copy_alloc(&vexfs_sb(index->i_sb)->budget, release);
	if (!sidecar)
		return ERR_PTR(-ENOMEM);
	err = vexfs_watch(index, &number);
	if (!err) {
		sidecar->copy.stamp.ino = index->i_ino;
		sidecar->copy.stamp.changes = number;
		err = vexfs_stamp_take(&sidecar->copy.stamp, lower, number);
	}
	if (!err)
		err = read_sidecar(sidecar, file, kind, metric, snapshot);
	if (err) {
		vexfs_sidecar_put(sidecar);
		return ERR_PTR(err);
	}
	return sidecar;
}

static struct vexfs_sidecar *read_lower(struct inode *index, const struct path *lower,
					struct file *file, u32 kind, u32 metric,
					const struct vexfs_snapshot *snapshot)
{
	struct vexfs_attempt attempt = {
		.inode = index,
		.changes = vexfs_sb(index->i_sb)->changes(index),
	};
	struct vexfs_sidecar *sidecar = NULL;
	bool again;
	int err;

	do {
		vexfs_sidecar_put(sidecar);
		err = vexfs_attempt_begin(&attempt);
		if (err)
			return ERR_PTR(err);
		sidecar = read_once(index, lower, file, kind, metric, snapshot);
		again = !IS_ERR(sidecar) &&
			vexfs_attempt_torn(&attempt, &sidecar->copy.stamp, lower, !sidecar->err);
		vexfs_attempt_end(&attempt);
	} while (again);
	return sidecar;
}

static struct vexfs_sidecar *load(struct super_block *sb, const struct path *lower, u32 kind,
				  u32 metric, const struct vexfs_snapshot *snapshot)
{
	struct vexfs_sidecar *sidecar;
	const struct cred *caller;
	struct inode *index;
	struct file *file;

	index = vexfs_sb(sb)->iget(sb, d_inode(lower->dentry));
	if (IS_ERR(index))
		return ERR_CAST(index);

	caller = vexfs_act_as_mounter(sb);
	file = vexfs_open_to_read(lower, vexfs_sb(sb)->cred);
	if (IS_ERR(file)) {
		sidecar = ERR_CAST(file);
	} else {
		sidecar = read_lower(index, lower, file, kind, metric, snapshot);
		fput(file);
	}
	revert_creds(caller);
	iput(index);
	return sidecar;
}

/* The sidecar that is the lower file now. */
static struct vexfs_sidecar *get_sidecar(struct vexfs_sidecars *sidecars, struct super_block *sb,
					 const struct path *lower, u32 kind, u32 metric,
					 const struct vexfs_snapshot *snapshot)
{
	struct vexfs_sidecar *sidecar;

	sidecar = get_cached(sidecars, sb, lower, kind, metric, snapshot);
	if (sidecar)
		return sidecar;

	if (mutex_lock_killable(&sidecars->loading))
		return ERR_PTR(-EINTR);
	/* Somebody else may have loaded it in the meantime. */
	sidecar = get_cached(sidecars, sb, lower, kind, metric, snapshot);
	if (!sidecar) {
		/* What is out of date need not take memory beside the new one. */
		keep(sidecars, sb, kind, NULL);
		sidecar = load(sb, lower, kind, metric, snapshot);
		if (!IS_ERR(sidecar))
			keep(sidecars, sb, kind, sidecar);
	}
	mutex_unlock(&sidecars->loading);
	return sidecar;
}

struct vexfs_sidecar *vexfs_sidecar_get(struct vexfs_sidecars *sidecars, struct file *file,
					u32 kind, u32 metric,
					const struct vexfs_snapshot *snapshot)
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
	sidecar = get_sidecar(sidecars, sb, &lower, kind, metric, snapshot);
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

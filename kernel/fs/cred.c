// SPDX-License-Identifier: GPL-2.0-only
/*
 * With whose credentials something is done beneath.
 *
 * The VFS and vexfs_permission() ask our inode whether the caller may.  Then the one
 * who mounted does it, as with overlayfs: the caller may live in a sandbox that knows
 * the path of our mount, but not what is beneath.
 *
 * A filesystem also looks at who does it where nothing is refused: it decides who
 * owns a new file, who may use reserved blocks and exceed a quota, and which
 * set-id bits a change takes away.  All this is to be as it would be without us.
 * So whoever changes something has the user, the groups and, of the mounter's
 * capabilities, CAP_SYS_RESOURCE and CAP_FSETID only if the caller has them.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/security.h>

#include "fs/internal.h"

/* What capable_wrt_inode_uidgid() says, without a line in the audit log. */
static bool keeps_set_ids(const struct inode *inode)
{
	struct user_namespace *ns = current_user_ns();

	return kuid_has_mapping(ns, inode->i_uid) &&
	       kgid_has_mapping(ns, inode->i_gid) &&
	       ns_capable_noaudit(ns, CAP_FSETID);
}

/* The mounter's credentials, with what is the caller's.  NULL if out of memory. */
static struct cred *mix(const struct super_block *sb, bool resource, bool fsetid)
{
	const struct cred *caller = vexfs_act_as_mounter(sb);
	struct cred *cred = prepare_creds();

	revert_creds(caller);
	if (!cred)
		return NULL;

	cred->fsuid = caller->fsuid;
	cred->fsgid = caller->fsgid;
	set_groups(cred, caller->group_info);
	if (!resource)
		cap_lower(cred->cap_effective, CAP_SYS_RESOURCE);
	if (!fsetid)
		cap_lower(cred->cap_effective, CAP_FSETID);
	return cred;
}

/* @inode is ours: the one to be changed, or the directory of the name. */
const struct cred *vexfs_cred_for_caller(const struct inode *inode)
{
	const struct cred *mounter = vexfs_sb(inode->i_sb)->cred;
	const bool resource = ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE);
	const bool fsetid = keeps_set_ids(inode);
	struct cred *cred;

	/* With both capabilities, groups make no difference. */
	if (resource && fsetid && uid_eq(current_fsuid(), mounter->fsuid) &&
	    gid_eq(current_fsgid(), mounter->fsgid))
		return get_cred(mounter);

	cred = mix(inode->i_sb, resource, fsetid);
	return cred ?: ERR_PTR(-ENOMEM);
}

static void act(struct vexfs_acting *acting, const struct cred *cred)
{
	acting->cred = cred;
	acting->caller = override_creds(cred);
}

int vexfs_act_for_caller(struct vexfs_acting *acting, const struct inode *inode)
{
	const struct cred *cred = vexfs_cred_for_caller(inode);

	if (IS_ERR(cred))
		return PTR_ERR(cred);
	act(acting, cred);
	return 0;
}

/* The label of a new file is for the caller's domain to say, too. */
int vexfs_act_as_creator(struct vexfs_acting *acting, struct dentry *dentry,
			 umode_t mode)
{
	const struct inode *dir = d_inode(dentry->d_parent);
	struct cred *cred;
	int err;

	if (!IS_ENABLED(CONFIG_SECURITY))
		return vexfs_act_for_caller(acting, dir);

	cred = mix(dir->i_sb, ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE),
		   keeps_set_ids(dir));
	if (!cred)
		return -ENOMEM;
	err = security_dentry_create_files_as(dentry, mode, &dentry->d_name,
					      current_cred(), cred);
	if (err) {
		put_cred(cred);
		return err;
	}
	act(acting, cred);
	return 0;
}

void vexfs_act_end(const struct vexfs_acting *acting)
{
	revert_creds(acting->caller);
	put_cred(acting->cred);
}

static bool same_caller(const struct cred *a, const struct cred *b)
{
	return a == b || (uid_eq(a->fsuid, b->fsuid) && gid_eq(a->fsgid, b->fsgid) &&
			  a->group_info == b->group_info && a->user_ns == b->user_ns &&
			  cap_issubset(a->cap_effective, b->cap_effective) &&
			  cap_issubset(b->cap_effective, a->cap_effective));
}

/* Is keeps_set_ids() the same for all inodes, whoever they belong to by now? */
static bool is_plain(const struct cred *cred)
{
	return cred->user_ns == &init_user_ns ||
	       !cap_raised(cred->cap_effective, CAP_FSETID);
}

/* A file that is passed on may be written by another than who opened it. */
const struct cred *vexfs_cred_for_writer(const struct file *file)
{
	if (same_caller(file->f_cred, current_cred()) && is_plain(file->f_cred))
		return get_cred(vexfs_lower_file(file)->f_cred);
	return vexfs_cred_for_caller(file_inode(file));
}

int vexfs_act_as_writer(struct vexfs_acting *acting, const struct file *file)
{
	const struct cred *cred = vexfs_cred_for_writer(file);

	if (IS_ERR(cred))
		return PTR_ERR(cred);
	act(acting, cred);
	return 0;
}

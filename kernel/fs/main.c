// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading.
 */
#include <linux/module.h>

#include "cache/budget.h"
#include "fs/internal.h"
#include "fs/search_time.h"
#include "simd/simd.h"

static struct file_system_type vexfs_type = {
	.owner		= THIS_MODULE,
	.name		= "vexfs",
	.init_fs_context = vexfs_init_fs_context,
	.kill_sb	= vexfs_kill_sb,
	.fs_flags	= FS_RENAME_DOES_D_MOVE,
};
MODULE_ALIAS_FS("vexfs");

static int __init vexfs_init(void)
{
	int err;

	err = vexfs_simd_init();
	if (err)
		return err;

	err = vexfs_inode_cache_create();
	if (err)
		return err;

	err = vexfs_copy_cache_create();
	if (err)
		goto no_copy_cache;

	err = register_filesystem(&vexfs_type);
	if (err)
		goto not_registered;
	vexfs_search_time_create();
	return 0;

not_registered:
	vexfs_copy_cache_destroy();
no_copy_cache:
	vexfs_inode_cache_destroy();
	return err;
}
module_init(vexfs_init);

static void __exit vexfs_exit(void)
{
	vexfs_search_time_remove();
	unregister_filesystem(&vexfs_type);
	vexfs_inode_cache_destroy();
	vexfs_copy_cache_destroy();
}
module_exit(vexfs_exit);

MODULE_DESCRIPTION("A stackable filesystem in which vector files can be searched");
MODULE_LICENSE("GPL");

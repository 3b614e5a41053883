// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mount options.
 */
#include <linux/ctype.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/kernel.h>
#include <linux/overflow.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "fs/internal.h"
#include "fs/options.h"

enum { OPTION_MEMORY };

static const struct fs_parameter_spec parameters[] = {
	fsparam_string("memory", OPTION_MEMORY),
	{}
};

/* A number of bytes, KiB, MiB or GiB. */
static int parse_size(const char *text, u64 *bytes)
{
	char digits[24];
	size_t length = strlen(text);
	unsigned int shift = 0;

	if (!length || length >= sizeof(digits) || !isdigit(text[0]))
		return -EINVAL;
	strscpy(digits, text, sizeof(digits));
	switch (tolower(digits[length - 1])) {
	case 'g':
		shift += 10;
		fallthrough;
	case 'm':
		shift += 10;
		fallthrough;
	case 'k':
		shift += 10;
		digits[length - 1] = 0;
	}
	if (kstrtou64(digits, 10, bytes) || !*bytes || check_shl_overflow(*bytes, shift, bytes))
		return -EINVAL;
	return 0;
}

int vexfs_options_parse(struct fs_context *fc, struct fs_parameter *param)
{
	struct vexfs_options *options = fc->fs_private;
	struct fs_parse_result result;
	int option = fs_parse(fc, parameters, param, &result);

	if (option < 0)
		return option;
	if (parse_size(param->string, &options->memory))
		return invalfc(fc, "memory= takes a size such as 512M");
	return 0;
}

int vexfs_options_init(struct fs_context *fc)
{
	fc->fs_private = kzalloc(sizeof(struct vexfs_options), GFP_KERNEL);
	return fc->fs_private ? 0 : -ENOMEM;
}

void vexfs_options_free(struct fs_context *fc)
{
	kfree(fc->fs_private);
}

void vexfs_options_apply(struct fs_context *fc, struct super_block *sb)
{
	const struct vexfs_options *options = fc->fs_private;

	if (options->memory)
		vexfs_budget_limit(&vexfs_sb(sb)->budget, options->memory);
}

int vexfs_options_show(struct seq_file *seq, struct dentry *root)
{
	u64 memory = READ_ONCE(vexfs_sb(root->d_sb)->budget.limit);

	if (memory % SZ_1K)
		seq_printf(seq, ",memory=%llu", memory);
	else
		seq_printf(seq, ",memory=%lluk", memory / SZ_1K);
	return 0;
}

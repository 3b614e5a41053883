/* SPDX-License-Identifier: GPL-2.0-only */
#define ERR_PTR(err)	((void *)(long)(err))

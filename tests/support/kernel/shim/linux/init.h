/* SPDX-License-Identifier: GPL-2.0-only */
#define __init
#define __initdata
#define __initconst

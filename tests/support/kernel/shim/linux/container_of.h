/* SPDX-License-Identifier: GPL-2.0-only */
/* In the kernel's place: the structure that a member is in. */
#ifndef SHIM_CONTAINER_OF_H
#define SHIM_CONTAINER_OF_H

#include <stddef.h>

#define container_of(ptr, type, member) \
	((type *)((const char *)(ptr) - offsetof(type, member)))

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_STRING_H
#define SHIM_STRING_H

#include <string.h>

/* The first byte that is not @byte. */
static inline void *memchr_inv(const void *memory, int byte, size_t count)
{
	const unsigned char *at = memory;

	for (; count; count--, at++)
		if (*at != (unsigned char)byte)
			return (void *)at;
	return NULL;
}

#endif

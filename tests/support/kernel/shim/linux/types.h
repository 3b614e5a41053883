/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_TYPES_H
#define SHIM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef uint8_t u8, __u8;
typedef uint32_t u32, __u32, __le32;
typedef uint64_t u64, __u64, __le64;

#undef __always_inline
#define __always_inline	inline __attribute__((__always_inline__))
#define noinline	__attribute__((__noinline__))
#define __aligned(n)	__attribute__((__aligned__(n)))
#define le32_to_cpu(n)	(n)
#define le64_to_cpu(n)	(n)
#define cpu_to_le32(n)	(n)

#endif

/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * VexFS: the header of an index file.
 *
 * docs/index-format.md explains the fields, what a reader demands of them, and
 * the sections that follow.  Everything is little-endian.
 */
#ifndef _UAPI_LINUX_VEXFS_INDEX_H
#define _UAPI_LINUX_VEXFS_INDEX_H

#include <linux/types.h>

#define VEXFS_INDEX_MAGIC	"VEXFSIDX"
#define VEXFS_INDEX_VERSION	3	/* 1 has zeros from exact on, 2 has no blocks */
#define VEXFS_INDEX_PARAMS	16
#define VEXFS_INDEX_SECTIONS	8
#define VEXFS_INDEX_ALIGN	64		/* of sections */
#define VEXFS_INDEX_NONE	0xffffffffU	/* no neighbour */
#define VEXFS_INDEX_RECALL	1000000		/* a recall of 1 */
#define VEXFS_INDEX_BLOCK	256		/* rows that have a fingerprint */
#define VEXFS_INDEX_CODED_DIM	32768		/* no more elements have HNSW's or IVF's codes */

struct vexfs_index_section {
	__le64 offset;		/* from the start of the file */
	__le64 bytes;
};

struct vexfs_index_header {
	__u8 magic[8];
	__le32 version;
	__le32 kind;		/* VEXFS_KIND_* */
	__le32 metric;		/* VEXFS_METRIC_* */
	__le32 dim;
	__le64 rows;		/* covered, from row 0 */
	__le64 bytes;		/* of the file */
	__le64 seed;
	__le32 rows_crc;	/* fingerprint of the covered rows */
	__le32 body_crc;	/* CRC-32C of what follows the header */
	__le32 effort;		/* what effort 0 means */
	__le32 sections;
	__le32 param[VEXFS_INDEX_PARAMS];
	struct vexfs_index_section section[VEXFS_INDEX_SECTIONS];
	__le32 exact;		/* 1: no codes, candidates by exact distances */
	__le32 recall;		/* recall@10 as the builder measured it, in millionths */
	__le32 measured;	/* with so many queries; 0: not at all */
	__u8 reserved[48];
	__le32 header_crc;	/* CRC-32C of the header up to here */
};

#endif /* _UAPI_LINUX_VEXFS_INDEX_H */

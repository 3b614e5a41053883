/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One input of the fuzzer: what becomes of it.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* An index file and, where it has rows, a search. */
struct fuzz_case {
	const uint8_t *file;
	size_t size;
	uint32_t kind;
	uint32_t dim;		/* of rows and query */
	uint32_t rows;		/* 0: no search */
	const float *elements;	/* rows without padding */
	const float *query;
	uint32_t k;
	uint32_t effort;
};

/* What an implementation makes of a case. */
struct fuzz_answer {
	uint32_t accepted;	/* the file is an index */
	uint32_t stale;		/* the rows are not those of the index */
	uint64_t evaluated;
	uint32_t count;
	struct {
		uint32_t row;
		uint32_t distance;
	} hits[64];
};

/* The Rust implementation. */
typedef void fuzz_rust_fn(const struct fuzz_case *input, struct fuzz_answer *answer);

/*
 * Makes a case of an input and runs it by the kernel's C and, if it is given, by Rust.
 * Prints what differs, and aborts.  Returns whether the file was accepted.
 */
int fuzz_input(const uint8_t *input, size_t size, fuzz_rust_fn *rust);

#endif

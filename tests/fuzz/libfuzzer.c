// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer: libFuzzer's entry.
 */
#include "input.h"

fuzz_rust_fn vexfs_fuzz_rust;

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	fuzz_input(input, size, vexfs_fuzz_rust);
	return 0;
}

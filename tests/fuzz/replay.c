// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the inputs in the files that it is given through the kernel's C alone: for sanitizers
 * where there is no libFuzzer.
 */
#include <stdio.h>

#include "input.h"

int main(int argc, char **argv)
{
	static uint8_t input[1 << 20];
	int i, accepted = 0;
	size_t size;
	FILE *file;

	for (i = 1; i < argc; i++) {
		file = fopen(argv[i], "rb");
		if (!file) {
			perror(argv[i]);
			return 1;
		}
		size = fread(input, 1, sizeof(input), file);
		fclose(file);
		accepted += fuzz_input(input, size, NULL);
	}
	printf("%d inputs, %d of them accepted\n", argc - 1, accepted);
	return 0;
}

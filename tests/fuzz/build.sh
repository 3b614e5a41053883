#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the fuzzer of index files as target/fuzz/index: the kernel's C under AddressSanitizer and UndefinedBehaviorSanitizer, and
# Rust with overflow checks, both with coverage, in one program. Needs clang 14 or newer.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=target/fuzz
clang=${CLANG:-clang-14}
if ! command -v "$clang" >/dev/null; then
	echo "The fuzzer needs $clang: install clang-14, or name another clang in CLANG." >&2
	exit 2
fi
mkdir -p "$out"

# The passes and counters of `cargo fuzz`, which stable Rust has as well.
RUSTFLAGS="-C passes=sancov-module -C llvm-args=-sanitizer-coverage-level=4 \
-C llvm-args=-sanitizer-coverage-inline-8bit-counters -C llvm-args=-sanitizer-coverage-pc-table" \
	cargo build --profile fuzz --features fuzz --example index_fuzz --target-dir "$out/rust" --target x86_64-unknown-linux-gnu

# What is compared is only traced where that can tell how to get past a check: searching would be nothing but that.
flags=(-std=gnu11 -O2 -g -fno-strict-aliasing -Wno-unknown-pragmas -fsanitize=fuzzer-no-link,address,undefined
	-fno-sanitize-recover=all -I tests/support/kernel/shim -I tests/support/kernel -I kernel)
float=(-ffp-contract=off -fno-math-errno)
objects=()
compile() { # SOURCE FLAGS...
	local object=$out/$(basename "$1" .c).o
	case $1 in */loader.c | */array_check.c) ;; *) set -- "$@" -fno-sanitize-coverage=trace-cmp ;; esac
	"$clang" "${flags[@]}" "${@:2}" -c "$1" -o "$object"
	objects+=("$object")
}
for f in rows search filter among rerank topk select sums scratch loader array_check prepare hnsw ivf pq lsh; do compile "kernel/search/$f.c"; done
compile kernel/simd/simd.c
compile kernel/search/query.c "${float[@]}"
for f in distance_scalar code_scalar pq_scan_scalar distance_sse2 code_sse2; do compile "kernel/simd/$f.c" "${float[@]}"; done
for f in distance code pq_scan; do
	compile "kernel/simd/${f}_avx2.c" "${float[@]}" -mavx2
	compile "kernel/simd/${f}_avx512.c" "${float[@]}" -mavx512f -mavx512bw
done
compile kernel/simd/code_vnni.c "${float[@]}" -mavx512f -mavx512bw -mavx512vnni
for f in tests/support/kernel/harness.c tests/fuzz/input.c tests/fuzz/libfuzzer.c; do compile "$f"; done
"$clang" -fsanitize=fuzzer,address,undefined "${objects[@]}" \
	"$out/rust/x86_64-unknown-linux-gnu/fuzz/examples/libindex_fuzz.a" -lpthread -ldl -lm -o "$out/index"

#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Rewrites tests/fuzz/corpus with as few and as small inputs as cover what those in target/fuzz/corpus do.
set -euo pipefail
cd "$(dirname "$0")/../.."
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
target/fuzz/index -merge=1 "$new" target/fuzz/corpus tests/fuzz/corpus
rm -rf tests/fuzz/corpus
mkdir tests/fuzz/corpus
cp "$new"/* tests/fuzz/corpus/
du -sh tests/fuzz/corpus

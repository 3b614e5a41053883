#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Rewrites tests/data/fuzz-corpus.txt with as few and as small inputs as cover what it and those in target/fuzz/corpus do.
set -euo pipefail
cd "$(dirname "$0")/../.."
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
tests/fuzz/corpus.py unpack target/fuzz/corpus
target/fuzz/index -merge=1 "$new" target/fuzz/corpus
tests/fuzz/corpus.py pack "$new"
du -sh tests/data/fuzz-corpus.txt

#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Installs what requirements.txt pins, by hash, into a virtual environment: peers/install.sh DIR
set -euo pipefail

here=$(dirname "$0")
dir=$1
# What hnswlib is built with comes first: an environment of pip's own for the build would not look at the hashes.
build='^(numpy|pybind11|setuptools|wheel)=='

python3 -m venv --clear "$dir"
awk "/^[a-z]/ { keep = /$build/ } keep" "$here/requirements.txt" >"$dir/build.txt"
# All dependencies are listed, so none has to be looked for.
install=("$dir/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps)
"${install[@]}" -r "$dir/build.txt"
"${install[@]}" --no-build-isolation -r "$here/requirements.txt"
touch "$dir/installed"

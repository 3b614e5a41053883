# SPDX-License-Identifier: MIT OR Apache-2.0
# The two commands of the README, and their parts.

ACCEL ?= auto
venv := target/venv

# Options of libFuzzer.
FUZZ ?=

.PHONY: help validate test nix tools browser lint lint-kernel bundle fuzz clean

help:
	@echo 'make validate [ACCEL=auto|kvm|icount|tcg]  build the module, boot it in a VM, measure, give a verdict'
	@echo 'make test                                  run every test, the linters and the VM tests included'
	@echo 'make nix                                   the flake, with a stand-in for nixpkgs, as root'
	@echo 'make fuzz [FUZZ=OPTIONS]                   fuzz both loaders of index files (docs/differential.md)'
	@echo 'make lint | lint-kernel | bundle | clean   parts of the above'

validate: bundle
	target/release/vexfs-validate run --accel $(ACCEL)

test: lint lint-kernel nix browser $(venv)/installed target/tools/installed
	cargo build --release
	PATH="$(CURDIR)/$(venv)/bin:$(CURDIR)/target/tools/bin:$$PATH" cargo test --release

# The flake, built and run with what Debian has in the place of nixpkgs (nix/debian/README.md).
nix: bundle target/tools/bin/nixfmt
	cargo fetch --quiet --locked
	nix/debian/get-nix.sh target/nix/program
	tests/nix.sh

target/tools/bin/nixfmt: | tools
	cargo install --quiet --locked --debug --root target/tools nixfmt_rs@0.5.3

# What the host lacks is installed as root; otherwise the one command for an administrator is printed.
tools:
	@vm/install-host-tools.sh

# The report's test says NOT RUN where this fails; everything else is tested without.
browser: | tools
	-@vm/install-host-tools.sh --browser

bundle: tools
	cargo build --release
	target/release/vexfs-validate bundle

lint: tools
	cargo fmt --check
	cargo clippy --release --all-targets -- -D warnings

# W=1, sparse and checkpatch --strict, against the pinned kernel.
lint-kernel: bundle
	target/release/vexfs-validate lint-kernel

fuzz:
	tests/fuzz/build.sh
	mkdir -p target/fuzz/corpus
	target/fuzz/index $(FUZZ) target/fuzz/corpus tests/fuzz/corpus

$(venv)/installed: tests/requirements.txt | tools
	python3 -m venv $(venv)
	$(venv)/bin/pip install --quiet --require-hashes -r tests/requirements.txt
	touch $@

# The POSIX test suites, run on every mount.
target/tools/installed: tests/posix/tools.txt | tools
	xargs -n 1 cargo install --quiet --locked --debug --root target/tools < tests/posix/tools.txt
	touch $@

clean:
	rm -rf target out

# SPDX-License-Identifier: MIT OR Apache-2.0
# The Makefile's targets in the dev shell (shell.nix): Nix builds what Debian and Python's registry supply otherwise.

validate:
	nix run .#validate-peers -- --accel $(ACCEL)

# The checks of the flake boot the machines.
test: check nix

check: lint posix
	$(cargo_test) --lib --bins --test house --test search --test fuse

nix:
	nix flake check -L

bundle:
	nix build --out-link out/bundle .#bundle
	nix build --out-link out/uml-bundle .#uml-bundle
	nix build --out-link out/debug-bundle .#uml-debug-bundle

shell: bundle
	vm/build-programs.sh
	$(programs)/vexfs-validate shell --accel $(ACCEL)

lint-kernel:
	nix build --no-link -L .#checks.x86_64-linux.module

validate-deep deb suites self-test browser peers-if-possible:
	@echo 'make $@ takes Debian 12, outside the dev shell (docs/nix.md)' >&2; exit 2

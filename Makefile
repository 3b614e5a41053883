# SPDX-License-Identifier: MIT OR Apache-2.0
# The two commands of the README, and their parts.

ACCEL ?= auto
programs := target/static
venv := target/venv
peers := target/peers

# Options of libFuzzer.
FUZZ ?=

# Options of a deep run: --fresh, --part NAME.
DEEP ?=

# Options of the self-test.
SELF_TEST ?=

# Options of the flake's test: --beside-suites.
NIX ?=

.PHONY: help validate validate-deep shell deb test suites check self-test nix peers-if-possible tools browser posix lint
.PHONY: lint-kernel bundle fuzz clean

help:
	@echo 'make validate [ACCEL=auto|kvm|icount|tcg|uml]  build the module, boot it in a VM, measure, give a verdict'
	@echo 'make validate-deep [DEEP=OPTIONS]           POSIX suites in full, 10,000 cycles, 500 power cuts: most of an hour'
	@echo 'make shell [ACCEL=auto|uml|kvm|icount|tcg]  a prompt in the guest, with a store that both drivers have mounted'
	@echo 'make deb                                   a Debian package of vexfs and vexfs-validate, in target/deb'
	@echo 'make test                                  run every test, the linters and the VM tests included'
	@echo 'make check                                 linters, unit tests, search, and FUSE on the host: no machine, as root'
	@echo 'make self-test                             plant bugs, and name the check that notices each (docs/self-test.md)'
	@echo 'make nix                                   the flake, with a stand-in for nixpkgs, as root'
	@echo 'make fuzz [FUZZ=OPTIONS]                   fuzz both loaders of index files (docs/differential.md)'
	@echo 'make lint | lint-kernel | bundle | clean   parts of the above'

# The tests with the programs that they need in PATH.
cargo_test = PATH="$(CURDIR)/$(venv)/bin:$(CURDIR)/target/suites/bin:$$PATH" vm/cargo.sh test

# In the dev shell Nix builds what is got from Debian and from Python's registry otherwise.
ifdef VEXFS_DEV_SHELL
include nix/develop.mk
else

# The peers are installed while the compiler runs.
validate: tools
	@$(MAKE) --no-print-directory -j2 bundle peers-if-possible
	$(programs)/vexfs-validate run --accel $(ACCEL) $$([ ! -e $(peers)/installed ] || echo --peers $(peers)/bin/python)

# The parts that have passed with the same bundles and the same program are not run again.
validate-deep: tools
	vm/build-programs.sh
	$(programs)/vexfs-validate bundle --role peers --role suites --machine uml
	$(programs)/vexfs-validate bundle --role suites --machine uml-debug
	$(programs)/vexfs-validate run --deep $(DEEP)

# A prompt in the guest. With User-Mode Linux it is there in a second.
shell: tools
	vm/build-programs.sh
	$(programs)/vexfs-validate bundle --machine $(if $(filter auto uml,$(ACCEL)),uml,qemu)
	$(programs)/vexfs-validate shell --accel $(ACCEL)

deb: tools
	vm/build-programs.sh
	contrib/debian/make-deb $(programs) target/deb

# The flake and the suites wait for different things most of the time, so they run side by side. The flake yields: no test
# measures it, and tests have deadlines. It has no tests and no clippy of its own here: they would be the same ones.
test: tools
	@$(MAKE) --no-print-directory -j3 NIX=--beside-suites suites nix lint-kernel

suites: lint bundle browser $(venv)/installed $(peers)/installed posix
	$(cargo_test)

check: lint $(venv)/installed posix
	$(cargo_test) --lib --bins --test house --test search --test fuse

# Bugs that are planted, one after the other.
self-test: tools
	vm/build-programs.sh
	$(programs)/vexfs-validate self-test $(SELF_TEST)

# The flake, built and run with what Debian has in the place of nixpkgs (nix/debian/README.md).
nix: bundle target/tools/bin/nixfmt
	cargo fetch --quiet --locked
	nix/debian/get-nix.sh target/nix/program
	nice -n 5 tests/nix.sh $(NIX)

# The report's test says NOT RUN where this fails; everything else is tested without.
browser: | tools
	-@vm/install-host-tools.sh --browser

# The guest's program is one of these. The second machine's kernel is built once, for some minutes.
bundle: tools
	vm/build-programs.sh
	$(programs)/vexfs-validate bundle --role peers
	$(programs)/vexfs-validate bundle --role peers --role suites --machine uml
	$(programs)/vexfs-validate bundle --role suites --machine uml-debug

# W=1, sparse and checkpatch --strict, against the kernel of each machine.
lint-kernel: bundle
	$(programs)/vexfs-validate lint-kernel
	$(programs)/vexfs-validate lint-kernel --machine uml
	$(programs)/vexfs-validate lint-kernel --machine uml-debug

$(venv)/installed: tests/requirements.txt | tools
	python3 -m venv $(venv)
	$(venv)/bin/pip install --quiet --require-hashes -r tests/requirements.txt
	touch $@

# The engines that we are measured beside.
$(peers)/installed: peers/requirements.txt peers/install.sh | tools
	peers/install.sh $(peers)

# A run goes on without them, and then says what is missing.
peers-if-possible: | tools
	@mkdir -p target
	@$(MAKE) --no-print-directory $(peers)/installed >target/peers.log 2>&1 || \
		echo 'the peers of peers/requirements.txt could not be installed (target/peers.log tells why): they will not be measured'

# A program of others that the tests run. Nobody debugs it.
install_tool := CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=target/tools/build cargo install --quiet --locked --debug --root target/tools

# The formatter of the flake's check.
target/tools/bin/nixfmt: | tools
	$(install_tool) nixfmt_rs@0.5.3

endif

# What the host lacks is installed as root; otherwise the one command for an administrator is printed.
tools:
	@vm/install-host-tools.sh

# The house: the order of its rooms, its documents and doc comments.
lint: tools
	cargo fmt --check
	vm/cargo.sh clippy --all-targets -- -D warnings
	vm/cargo.sh test --quiet --test house

fuzz:
	tests/fuzz/build.sh
	tests/fuzz/corpus.py unpack target/fuzz/corpus
	target/fuzz/index $(FUZZ) target/fuzz/corpus

# The POSIX test suites, run on the FUSE mount of the host as well as in the guest.
posix: | tools
	vm/build-suites.sh

clean:
	rm -rf target out

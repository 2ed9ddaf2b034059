# Two commands do everything on a fresh machine with a Rust toolchain, as root or with sudo:
#   make demo    builds vClouden, runs its main job on real applications, and leaves it running
#   make test    builds and runs every test
# Both name and install the Debian packages that are missing.

SHELL := /bin/bash
TRIPLE := $(shell rustc -vV | sed -n 's/^host: //p')
SUDO := $(shell [ $$(id -u) = 0 ] || echo sudo env PATH=$$PATH HOME=$$HOME)
PACKAGES := target/packages
PROFILE ?= demo
STATIC = target/static/$(TRIPLE)/$(PROFILE)

.PHONY: demo test lint packages apps bench down

demo:
	@scripts/need build run
	@echo "Building vClouden (a few minutes the first time) ..."
	cargo build --profile demo -p vclouden -p keeper
	@$(MAKE) --no-print-directory packages
	@scripts/demo

# Ends what `make demo` left running; the data stays.
down:
	$(SUDO) target/demo/vclouden down

# Packages ready to publish, and Cirrus beside the programs that start it. Both are linked statically, since their root
# file systems are empty.
packages:
	RUSTFLAGS="-C target-feature=+crt-static" cargo build -p hola -p cirrus --profile $(PROFILE) --target $(TRIPLE) --target-dir target/static
	@mkdir -p $(PACKAGES)/hola target/$(PROFILE)
	@cp $(STATIC)/cirrus $(PACKAGES)/cirrus
	@cp $(STATIC)/cirrus target/$(PROFILE)/cirrus.new && mv target/$(PROFILE)/cirrus.new target/$(PROFILE)/cirrus
	@cp apps/hola/* $(STATIC)/hola $(PACKAGES)/hola/

# The application whose editor and calendar are somebody else's: fetches them with npm into its package.
EDITOR := apps/estudio/public/terceros/editor.js
apps: $(EDITOR)

$(EDITOR): apps/estudio/build apps/estudio/package-lock.json apps/estudio/fuentes/editor.js
	apps/estudio/build

test:
	@scripts/need build run test
	@$(MAKE) --no-print-directory packages apps
	@echo "Building vClouden and its tests (a few minutes the first time) ..."
	cargo build --workspace --all-targets
	@echo "Preparing Debian 12 with Radicale and with Python for the tests, once ..."
	$(SUDO) target/debug/vclouden server prepare --cache target/test-cache --base debian-12 --dependencies radicale
	$(SUDO) target/debug/vclouden server prepare --cache target/test-cache --base debian-12 --dependencies python3
	@scripts/run-tests $(SUDO)

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo deny check bans licenses sources

bench:
	@scripts/need build run bench
	@scripts/bench

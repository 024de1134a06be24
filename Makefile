# What there is to do with this tree. Every target may be repeated.

CARGO ?= cargo
MOVIES ?= movies
BENCH ?= viewers live hls
NPM := $(shell command -v npm)

# To link; to make the inputs of tests. The interoperability tests install their own clients.
BUILD_PACKAGES := gcc libc6-dev
DEB_PACKAGES := dpkg-dev
TEST_PACKAGES := ffmpeg
BENCH_PACKAGES := ffmpeg nginx wrk

.PHONY: run build deb pages test bench soak fuzz deps test-deps

run: build ## serve MOVIES (the folder movies/ by default) until Ctrl-C
	target/release/reelcast $(MOVIES)

build: deps pages ## everything that ships: target/release/reelcast
	$(CARGO) build --release --locked

deb: build ## a package for Debian 12 and later: target/reelcast_VERSION_ARCHITECTURE.deb
	$(call install,$(DEB_PACKAGES))
	conf/debian/build target/release/reelcast target

ifeq ($(NPM),)
pages:
	@echo "npm is missing (Node 20.19 or later): the web pages will have no player."
else
pages: admin-ui/dist/index.html ## the web pages, which the program is built with
endif

admin-ui/dist/index.html: admin-ui/node_modules/installed $(shell find admin-ui/src admin-ui/*.*)
	npm --prefix admin-ui run --silent build -- --logLevel warn

admin-ui/node_modules/installed: admin-ui/package-lock.json
	npm --prefix admin-ui ci --silent
	touch $@

test: test-deps pages ## all that must hold: form, lints, unit, integration, interoperability and browser tests
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" $(CARGO) doc --locked --no-deps --document-private-items --quiet
	$(CARGO) test --locked
	$(CARGO) build --release --locked
	tests/interop/run target/release/reelcast
	$(if $(NPM),npm --prefix admin-ui run --silent check && npm --prefix admin-ui test --silent)
	tests/browser/run target/release/reelcast

bench: build ## movies (BENCH=viewers, 5 minutes), live channels (BENCH=live, 10 minutes): lateness, CPU, memory; BENCH=hls, 5 minutes
	$(if $(filter hls,$(BENCH)),$(call install,$(BENCH_PACKAGES)))
	for bench in $(BENCH); do $(CARGO) bench --locked --bench $$bench || exit 1; done

soak: build ## ten minutes of comings and goings: memory, descriptors, gaps
	$(CARGO) bench --locked --bench soak

fuzz: deps ## each fuzz target for a minute
	tests/fuzz/run

# $(call install,PACKAGES): installs Debian packages when root, else says which are missing.
# Other systems than Debian are trusted to have them.
define install
	@missing=; \
	command -v dpkg-query >/dev/null || exit 0; \
	for package in $(1); do \
		dpkg-query -W -f '$${db:Status-Status}' $$package 2>/dev/null | grep -qx installed \
			|| missing="$$missing $$package"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" -ne 0 ]; then \
		echo "These Debian packages are missing; as root: apt-get install$$missing"; exit 1; \
	fi; \
	apt-get -q update && DEBIAN_FRONTEND=noninteractive \
		apt-get -qy install --no-install-recommends $$missing
endef

deps:
	$(call install,$(BUILD_PACKAGES))

test-deps:
	$(call install,$(BUILD_PACKAGES) $(TEST_PACKAGES))

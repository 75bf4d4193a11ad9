# Everything that is done with this repository, from a bare machine on. `make help` lists it.
# The debug build is used throughout: tests need it anyway, and what hoist waits for is elsewhere.

# Where Cargo puts what it builds.
BUILT := $(or $(CARGO_TARGET_DIR),target)
HOIST := $(BUILT)/debug/hoist
DEMO := $(HOIST) -f compose-examples/web-cache/compose.yaml
N ?= 3
SECONDS ?= 600

.DEFAULT_GOAL := help
.PHONY: docs help setup build test test-fast test-openstack test-bare test-vm demo up scale upgrade visit down demo-down lint bench bench-loader bench-placement fuzz

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing, start an engine where none answers, make the base images
	@setup/packages
	@setup/engine
	@setup/base-images

build: ## build target/debug/hoist
	cargo build --locked

# For the targets below that only use it: built where it is missing, left as it is elsewhere.
$(HOIST):
	cargo build --locked

test: ## run all tests; they use real engines and local hosts
	@setup/packages
	@setup/engine
	@setup/run-tests all

test-openstack: ## run the tests that need a real OpenStack, which they start on this machine
	@setup/packages
	@setup/engine
	@setup/run-tests openstack

test-bare: ## check in a bare root that what setup/ installs suffices for scripts and tests
	@setup/packages
	@setup/engine
	@setup/bare-root setup/test-bare

test-vm: ## boot three virtual machines and run a project on them from bare to nothing (up to an hour)
	@setup/packages
	@tests/virtual-machines/packages
	@setup/engine
	@setup/run-tests vm

test-fast: ## run the tests that need no engine
	@setup/run-tests fast

demo: setup build ## run compose-examples/web-cache on three local hosts and visit its page
	$(DEMO) up
	@compose-examples/web-cache/visit

up: $(HOIST) ## bring the demo to what its files say
	$(DEMO) up

scale: $(HOIST) ## run N replicas of the demo's page (make scale N=3)
	$(DEMO) scale web=$(N)
	@compose-examples/web-cache/visit

upgrade: $(HOIST) ## build the page's version 2 and roll it out (make up goes back to version 1)
	WEB_VERSION=2 $(DEMO) up --build
	@compose-examples/web-cache/visit

visit: ## ask the demo's page of every host
	@compose-examples/web-cache/visit

down: $(HOIST) ## remove the demo's services; hosts and data stay
	$(DEMO) down

demo-down: $(HOIST) ## remove the demo, its data and its hosts
	$(DEMO) down -v --hosts

docs: ## write the pages of docs/ that are made from the code
	HOIST_WRITE_DOCS=1 cargo test --locked --lib the_page_is_that_of_the_table

lint: ## check format, clippy, shell scripts and dependencies
	@setup/packages
	@setup/lint

fuzz: ## fuzz the loader and the reader of .env files, each for SECONDS (make fuzz SECONDS=600)
	@setup/packages fuzz
	@setup/fuzz $(SECONDS)

bench: setup ## measure hoist beside Docker's own tools, into docs/benchmarks.md
	cargo build --locked --release
	@setup/bench $(BUILT)/release/hoist

bench-loader: ## measure how files load beside docker compose, into docs/benchmarks.md
	@setup/packages
	cargo build --locked --release
	@setup/bench-loader $(BUILT)/release/hoist

bench-placement: ## measure how long placing many replicas takes, into docs/benchmarks.md
	@setup/packages
	@setup/bench-placement

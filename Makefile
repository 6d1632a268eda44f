# Everything one does here, by name: make help.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The linters are built from tools.mod, never from go.mod.
TOOL := go tool -modfile="$(CURDIR)/tools.mod"

# Every Go module of this repository: the root, and those that keep heavy
# dependencies out of it.
MODULES := $(patsubst ./%,%,$(shell find . -name go.mod -not -path '*/testdata/*' -not -path '*/node_modules/*' -not -path './.*/*' -exec dirname {} \; | sort))

# Those that make test and make race go through; make interop has its own.
TESTED := $(filter-out interop,$(MODULES))

# Longer than any package takes on two slow cores, and shorter than the patience
# of a CI machine: a test that hangs shows its goroutines.
TEST_TIMEOUT := 5m
RACE_TIMEOUT := 10m

# Told to the tests, so that go test does not answer from its cache that they
# were skipped when Postgres has been installed since.
test race cover pgbouncer chaos chaos-mutants adoption: export LRO_TEST_POSTGRES_BIN ?= $(shell .ci/postgres find)

.PHONY: help
help: ## list what make can do here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: go postgres ## run the tests of every module
	@status=0; for module in $(TESTED); do \
		echo "go test ./... # in $$module"; \
		go test -C "$$module" -timeout $(TEST_TIMEOUT) ./... || status=$$?; \
	done; exit $$status

.PHONY: race
race: go cc postgres ## run the tests under the race detector
	@status=0; for module in $(TESTED); do \
		echo "go test -race ./... # in $$module"; \
		CGO_ENABLED=1 go test -C "$$module" -race -timeout $(RACE_TIMEOUT) ./... || status=$$?; \
	done; exit $$status

.PHONY: cover
cover: go postgres ## run the tests and print what they cover of the library
	go test -timeout $(TEST_TIMEOUT) -coverprofile=coverage.out -coverpkg=./lro/...,./store/...,./poller/... ./...
	go tool cover -func=coverage.out | tail -n 1
	@echo "line by line: go tool cover -html=coverage.out"

.PHONY: pgbouncer
pgbouncer: go ## run the tests that reach Postgres through PgBouncer
	@.ci/postgres pgbouncer
	go test -tags pgbouncer -run PgBouncer -timeout $(TEST_TIMEOUT) ./internal/pgtest ./store/pgstore

# Not from the cache: go test does not know what the server is built from.
.PHONY: interop
interop: go ## put Google's Go client and grpcurl, unchanged, against a server
	go test -C interop -count 1 -timeout $(TEST_TIMEOUT) ./...

.PHONY: interop-node
interop-node: go interop/node/node_modules/.package-lock.json ## put Google's client for Node, unchanged, against a server
	cd interop/node && node --test

interop/node/node_modules/.package-lock.json: interop/node/package-lock.json | node
	cd interop/node && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: chaos
chaos: go postgres ## do violence to processes and their stores, two seeds, 7 minutes; CHAOS=-quick to try it
	go run ./internal/chaos $(CHAOS)

.PHONY: chaos-mutants
chaos-mutants: go postgres ## weaken one guard at a time, and see the chaos program notice
	go run ./internal/chaos -mutants $(CHAOS)

.PHONY: adoption
adoption: go postgres ## measure how soon the operations of a killed process go on
	go run ./internal/chaos -adoption $(CHAOS)

SEEDS ?= 10000

.PHONY: simulation
simulation: go ## simulate fleets in fake time, SEEDS of them
	go test -timeout 20m -count 1 -run '^TestSimulation$$' -v ./lro -simulation.seeds=$(SEEDS)

.PHONY: readme
readme: go ## run what README.md and the guides show, and compare what it prints; needs curl and jq
	@for program in curl jq; do \
		command -v $$program >/dev/null || { echo "make readme needs $$program: install it (Debian: apt-get install $$program)" >&2; exit 1; }; \
	done
	for page in README.md docs/guides/first-operation.md; do go run ./internal/readme "$$page"; done

FUZZTIME ?= 20s

.PHONY: fuzz
fuzz: go ## try hostile input on every fuzz target, FUZZTIME (20s) each
	@grep -rn --include='*_test.go' '^func Fuzz' . | sed -E 's/^(.*)\/[^/]*:[0-9]+:func (Fuzz[A-Za-z0-9_]*).*/\1 \2/' | sort | while read -r package target; do \
		echo "go test -fuzz '^$$target\$$' -fuzztime $(FUZZTIME) $$package"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package"; \
	done

.PHONY: bench
bench: go ## measure the bounds of DESIGN.md, section 13, into bench/README.md, 15 minutes; BENCH=-quick to try it
	@cd bench && go run . -save . $(BENCH)

.PHONY: lint
lint: go ## run the linters, formatting included, on every module
	@status=0; for module in $(MODULES); do \
		echo "golangci-lint run # in $$module"; \
		(cd "$$module" && $(TOOL) golangci-lint run --config "$(CURDIR)/.golangci.yml" ./...) || status=$$?; \
	done; exit $$status

.PHONY: fmt
fmt: go ## format the code of every module
	@for module in $(MODULES); do \
		(cd "$$module" && $(TOOL) golangci-lint fmt --config "$(CURDIR)/.golangci.yml") || exit; \
	done

.PHONY: vuln
vuln: go ## look for known vulnerabilities (asks vuln.go.dev)
	@for module in $(MODULES); do \
		echo "govulncheck ./... # in $$module"; \
		(cd "$$module" && $(TOOL) govulncheck ./...) || exit; \
	done

.PHONY: generate
generate: go ## write the generated code again
	go run -C internal/protogen . -root ../..

.PHONY: compilers
compilers: go internal/protogen/compilers/node_modules/.package-lock.json ## run our plugin under protoc and buf, and compare with what is committed
	@command -v protoc >/dev/null || { echo "make compilers needs protoc: install it (Debian: apt-get install protobuf-compiler)" >&2; exit 1; }
	internal/protogen/compilers/compare

internal/protogen/compilers/node_modules/.package-lock.json: internal/protogen/compilers/package-lock.json | node
	cd internal/protogen/compilers && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: tidy
tidy: go ## tidy go.mod of every module, and tools.mod
	@for module in $(MODULES); do (cd "$$module" && go mod tidy) || exit; done
	@# Where it is, tools.mod would be given the imports of the root module.
	@dir=$$(mktemp -d); trap 'rm -r "$$dir"' EXIT; \
	cp tools.mod "$$dir/go.mod"; cp tools.sum "$$dir/go.sum"; \
	go -C "$$dir" mod tidy; \
	cp "$$dir/go.mod" tools.mod; cp "$$dir/go.sum" tools.sum

.PHONY: go
go:
	@command -v go >/dev/null || { echo "make needs Go 1.26 or later: install it from https://go.dev/dl" >&2; exit 1; }

.PHONY: cc
cc:
	@cc=$$(go env CC); command -v "$${cc%% *}" >/dev/null || { echo "the race detector needs a C compiler: install gcc (Debian: apt-get install gcc libc6-dev)" >&2; exit 1; }

.PHONY: node
node:
	@for program in node npm; do \
		command -v $$program >/dev/null || { echo "make interop-node and make compilers need Node 18 or later, and found no $$program: install it from https://nodejs.org (Debian: apt-get install nodejs npm)" >&2; exit 1; }; \
	done

.PHONY: postgres
postgres:
	@.ci/postgres

# xbus: what can be done here. "make" alone lists it.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
GO          ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 60s
# What a smoke run tries with each target: a number of inputs, since a time that
# ends while the engine works is at times reported as a failure of the target.
FUZZSMOKE   ?= 10000x
BENCHSTAT   := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
BENCHTIME   ?= 200ms
NESTED      := $(patsubst ./%/go.mod,%,$(shell find . -mindepth 2 -name go.mod -not -path '*/node_modules/*' -not -path '*/testdata/*' | sort))
NODE        := $(shell command -v node 2>/dev/null)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## a client and a hall in one process: states, calls, events, a cut and the return
	@$(GO) run ./examples/demo

.PHONY: test
test: vet ## all tests (race, shuffle, examples, fuzz smoke; against a real server when Node is there)
ifneq ($(NODE),)
	$(MAKE) --no-print-directory interop-install
	$(GO) test -race -shuffle=on -timeout 10m ./...
else
	@echo '!! Node is not installed: the tests against a real Xcraft server and client are LEFT OUT'
	$(GO) test -race -shuffle=on -timeout 10m ./...
	@echo '!! LEFT OUT, for want of Node: everything in interop/ and the interop tests of server/'
endif
	@for m in $(NESTED); do echo "== $$m"; (cd $$m && $(GO) vet ./... && $(GO) test -race -timeout 10m ./...); done
	$(MAKE) --no-print-directory fuzz FUZZTIME=$(FUZZSMOKE)
ifneq ($(NODE),)
	$(MAKE) --no-print-directory interop-figures
endif

.PHONY: vet
vet: ## gofmt and vet, all modules
	@bad=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); test -z "$$bad" || { echo "gofmt would change: $$bad"; exit 1; }
	$(GO) vet ./...

.PHONY: lint
lint: vet ## vet, staticcheck and tidy modules
	$(GO) run $(STATICCHECK) ./...
	$(GO) mod tidy -diff
	@for m in $(NESTED); do echo "== $$m"; (cd $$m && GOWORK=off $(GO) mod tidy -diff); done

.PHONY: interop-install
interop-install: ## install the real Xcraft server and client into interop/node_modules
	@cd interop && if [ ! -e node_modules/.xbus ] || ! cmp -s package-lock.json node_modules/.xbus; then \
		npm ci --silent && cp package-lock.json node_modules/.xbus; fi

.PHONY: interop
interop: interop-install ## tests and figures against the real Xcraft server and client
	XBUS_REQUIRE_NODE=1 $(GO) test -race -count=1 -timeout 10m ./interop/... ./server/...
	$(MAKE) --no-print-directory interop-figures

.PHONY: interop-figures
interop-figures:
	XBUS_REQUIRE_NODE=1 XBUS_FIGURES=1 $(GO) test -count=1 -timeout 10m -run '^TestFigures' -v ./interop | grep -E '^ *(figure |--- |ok|FAIL|panic)|_test.go'
	@XBUS_REQUIRE_NODE=1 XBUS_FIGURES=1 $(GO) test -count=1 -run '^(TestCrowd|TestReadyInMilliseconds|TestNoisyNeighbour|TestStalledConsumerCostsNobody|TestW5Bombs)$$' -v ./server | grep -oE 'figure hall.*|^(--- |ok|FAIL|panic).*'

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (60s)
	@log=$$(mktemp); for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
			echo "fuzz $$p $$f $(FUZZTIME)"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p > $$log 2>&1 || { cat $$log; exit 1; }; \
		done; done; rm -f $$log

.PHONY: bench
bench: ## xbus beside the reference and its peers: figures, docs/performance.md (10 minutes; QUICK=1: under 2, into bin/)
ifneq ($(NODE),)
	@$(MAKE) --no-print-directory interop-install
endif
	@cd bench && $(GO) run ./all $(if $(QUICK),-quick)

.PHONY: bench-go
bench-go: ## the benchmarks of the library
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: profile
profile: ## profiles of calls and events (processor, heap, locks, waits) in bench/profiles/, and the top of each
	@cd bench && $(GO) run ./internal/profile

# What is compared: the benchmarks that end in COMPARE, of the root package and of
# PACKAGES, COUNT times each.
COMPARE     ?= .
PACKAGES    ?= . ./wire ./rpc ./server ./topics ./observable ./conn/...
COUNT       ?= 6
.PHONY: bench-compare
bench-compare: ## the benchmarks of the library at BASE=<commit> and here, side by side (COMPARE=regexp PACKAGES=… COUNT=6)
	@test -n "$(BASE)" || { echo 'bench-compare: say which commit to compare with, e.g. make bench-compare BASE=HEAD~10'; exit 2; }
	@dir=$$(mktemp -d); trap 'git worktree remove --force "$$dir/base" >/dev/null 2>&1; rm -rf "$$dir"' EXIT; \
	git worktree add --detach --quiet "$$dir/base" "$(BASE)"; \
	for where in base here; do \
		echo "== benchmarks $$where" >&2; \
		test $$where = base && cd "$$dir/base" || cd "$(CURDIR)"; \
		$(GO) test -run '^$$' -bench '$(COMPARE)' -benchmem -benchtime $(BENCHTIME) -count $(COUNT) -timeout 60m $(PACKAGES) > "$$dir/$$where.txt" || { cat "$$dir/$$where.txt"; exit 1; }; \
	done; \
	$(GO) run $(BENCHSTAT) base="$$dir/base.txt" here="$$dir/here.txt"

.PHONY: bench-streams
bench-streams: ## streams against a loop, channels, rxgo and samber/ro; prints figures
	@cd bench && $(GO) run ./streams

.PHONY: bench-payloads
bench-payloads: interop-install ## immutable values and streams against the real library and server; prints figures
	@cd bench && $(GO) run ./payload && $(GO) run ./transfer

.PHONY: cover
cover: ## coverage of all packages by all tests
	$(GO) test -coverprofile=cover.out -coverpkg=./... ./...
	$(GO) tool cover -func=cover.out | tail -n 1

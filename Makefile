# Everything a developer runs. `make` alone lists the targets.

export CGO_ENABLED := 0

# Release 2026.2.2. Run by version, it adds nothing to go.mod.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
# The last tag and what was done since. Without tags it is empty, and the binary says that it is unreleased.
VERSION ?= $(shell git describe --tags --match 'v*' --dirty 2>/dev/null)
CONTRACT := $(or $(ZELUS_CONTRACT),../shared/contract)

.DEFAULT_GOAL := help
.PHONY: help run build test snapshots screenshots test-long fuzz check bench bench-large bench-parts contract clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

run: build ## build the server and start it for development
	bin/zelus serve --dev

build: ## build bin/zelus
	go build -trimpath $(if $(VERSION),-ldflags '-X zelus/internal/cli.version=$(VERSION)') -o bin/zelus ./cmd/zelus

test: build ## run every test, on SQLite and on PostgreSQL, with the official clients and in a browser
	@command -v node >/dev/null && command -v npm >/dev/null || scripts/debian-install nodejs npm
	@command -v chromium >/dev/null || scripts/debian-install chromium
	ZELUS_TEST_REQUIRE=1 scripts/with-postgres go test -count=1 -timeout 30m ./...

snapshots: build ## write the accessibility trees of all account pages anew, to be looked at and committed
	ZELUS_TEST_REQUIRE=1 ZELUS_SNAPSHOTS=update go test -count=1 -timeout 20m -run TestAccountPages ./test/

screenshots: build ## take pictures of all account pages into bin/screenshots; PLACES=login for some only
	@fc-list | grep -q NotoSansCJK && fc-list | grep -q NotoSansArabic || scripts/debian-install fontconfig fonts-noto-core fonts-noto-cjk
	@command -v chromium >/dev/null || scripts/debian-install nodejs npm chromium
	ZELUS_TEST_REQUIRE=1 ZELUS_SCREENSHOTS=$(CURDIR)/bin/screenshots ZELUS_PLACES='$(PLACES)' go test -count=1 -timeout 60m -run TestAccountPages ./test/

test-long: build ## the tests again, longer, in random order and (where there is a C compiler) with the race detector
	ZELUS_TEST_REQUIRE=1 ZELUS_LOAD_SECONDS=60 ZELUS_KILL_ROUNDS=50 scripts/with-postgres go test -count=1 -timeout 60m -v -run 'Load|Killed' ./test/
	if command -v gcc >/dev/null; then \
		CGO_ENABLED=1 ZELUS_TEST_REQUIRE=1 scripts/with-postgres go test -count=1 -timeout 60m -race -shuffle=on ./internal/...; \
	else \
		ZELUS_TEST_REQUIRE=1 scripts/with-postgres go test -count=3 -timeout 60m -shuffle=on ./internal/...; \
	fi

fuzz: ## fuzz every parser: FUZZTIME=10m each, FUZZPARALLEL=1 workers, FUZZ=name for some only
	FUZZTIME=$(or $(FUZZTIME),10m) FUZZPARALLEL=$(or $(FUZZPARALLEL),1) FUZZ='$(FUZZ)' scripts/fuzz

check: ## formatting, vet, staticcheck, generated files, the rules of the architecture
	@unformatted=$$(gofmt -l cmd internal test); if [ -n "$$unformatted" ]; then \
		printf 'gofmt would change these files; run gofmt -w on them:\n%s\n' "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	scripts/check-generated
	go test -count=1 ./internal/arch/

bench: build ## measure the server beside the least that it could cost; BESIDE=binary for beside another build
	go run ./test/bench $(if $(BESIDE),-beside '$(BESIDE)')

bench-large: build ## compare 10,000 identities with 1,000,000 (takes some minutes)
	go run ./test/bench -large

bench-parts: ## run the benchmarks of single packages
	scripts/with-postgres go test -run '^$$' -bench . -benchmem ./...

contract: build ## play the recorded contract of the wire, on SQLite and on PostgreSQL
	ZELUS_CONTRACT=$(CONTRACT) scripts/with-postgres scripts/contract

clean: ## remove what the other targets made
	rm -rf bin .cache test/sdk/node/node_modules test/sdk/v0alpha2/node/node_modules test/browser/node_modules

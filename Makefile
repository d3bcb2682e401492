# make help lists the targets. Needs Go, Node with npm, make and gcc (gcc for
# the race detector only).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# The version comes from git through the linker; with buildvcs on as well, a
# build in a container that does not own the checkout fails.
export GOFLAGS := -buildvcs=false $(GOFLAGS)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
COMMIT  := $(shell git rev-parse HEAD 2>/dev/null)
LDFLAGS := -X main.version=$(VERSION) -X main.commit=$(COMMIT)

# Where goroutines share something worth watching.
RACE := ./ingest/... ./alerting/... ./storage/conn/... ./storage/engine/... ./query/metricexec/... \
        ./cmd/internal/edge/... ./cmd/internal/shop/... ./cmd/internal/selftel/...
FUZZTIME ?= 3s
DATA_DIR ?= ./data
RULES ?= deploy/compose/rules/*.yaml

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

##### the program

.PHONY: build run engine clean
build: ## build bin/trefoil
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/trefoil ./cmd/trefoil

engine: build ## bring the embedded ClickHouse library (once; 178 MB from npm)
	bin/trefoil engine install

run: engine ## build, bring the engine and run everything on loopback, with data in ./data
	exec bin/trefoil serve --data-dir $(DATA_DIR) --rules '$(RULES)' $(SERVE_FLAGS)

clean: ## remove what was built; data and the engine library stay
	rm -rf bin ui-plugin/dist ui-plugin/coverage

##### tests

.PHONY: test test-go test-ui race fuzz lint lint-go lint-ui ci
test: test-go test-ui ## run all tests, the engine's and the front end's included

# What reads our Arrow answers in a test of package query.
ARROW_READER := query/testdata/arrow/node_modules/.package-lock.json

test-go: engine $(ARROW_READER)
	go test -timeout 9m ./...

$(ARROW_READER): query/testdata/arrow/package-lock.json
	npm --prefix query/testdata/arrow ci --no-audit --no-fund --ignore-scripts
	touch $@

test-ui: ui-plugin/node_modules/.package-lock.json
	npm --prefix ui-plugin run test:ci -- --testTimeout=60000 # a loaded machine is slow, not wrong

race: engine ## run the tests of the concurrent parts under the race detector
	go test -race -p 1 -timeout 9m $$(go list -e -f '{{if .GoFiles}}{{.ImportPath}}{{end}}' $(RACE))

fuzz: ## fuzz every target for a few seconds (FUZZTIME=3s)
	.ci/fuzz $(FUZZTIME)

lint: lint-go lint-ui ## check format, vet, staticcheck, the import law and the front end

lint-go:
	@unformatted=$$(find . -name '*.go' -not -path '*/node_modules/*' -not -path './.git/*' -exec gofmt -l {} +); \
	if [[ -n "$$unformatted" ]]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	@hidden=$$(git ls-files --others --ignored --exclude-standard 2>/dev/null | grep -v node_modules | grep '/testdata/' || true); \
	if [[ -n "$$hidden" ]]; then echo "test data that .gitignore keeps out of the repository:"; echo "$$hidden"; exit 1; fi
	go vet -stdmethods=false ./... # the Seek of Prometheus's sample iterators is not io.Seeker's
	go tool staticcheck ./...
	go test ./cmd/internal/archtest

lint-ui: ui-plugin/node_modules/.package-lock.json
	npm --prefix ui-plugin run typecheck
	npm --prefix ui-plugin run lint

ci: ## everything .ci/run does: build, lint, tests, race, fuzz, front end, plugin
	.ci/step build $(MAKE) build
	.ci/step lint-go $(MAKE) lint-go
	.ci/step test-go $(MAKE) test-go
	.ci/step race $(MAKE) race
	.ci/step fuzz $(MAKE) fuzz
	.ci/step lint-ui $(MAKE) lint-ui
	.ci/step test-ui $(MAKE) test-ui
	.ci/step plugin $(MAKE) plugin

##### the Grafana plugin

.PHONY: plugin plugin-zip plugin-preview plugin-e2e plugin-page

# Where Grafana runs back ends of plugins.
PLUGIN_PLATFORMS := linux_amd64 linux_arm64 linux_arm darwin_amd64 darwin_arm64 windows_amd64
PLUGIN_BACKENDS := $(addprefix plugin-backend-,$(PLUGIN_PLATFORMS))

plugin: plugin-front plugin-backend-linux_amd64 plugin-backend-linux_arm64 ## build the Grafana data source into ui-plugin/dist

plugin-zip: plugin-front $(PLUGIN_BACKENDS) ## the same for all platforms, as bin/trefoil-datasource.zip; SIGN=1 signs it, with GRAFANA_ACCESS_POLICY_TOKEN
	$(if $(SIGN),npm --prefix ui-plugin run sign)
	rm -rf bin/plugin bin/trefoil-datasource.zip && mkdir -p bin/plugin
	cp -r ui-plugin/dist bin/plugin/trefoil-datasource
	cd bin/plugin && zip -qr ../trefoil-datasource.zip trefoil-datasource

.PHONY: plugin-front $(PLUGIN_BACKENDS)
plugin-front: ui-plugin/node_modules/.package-lock.json
	npm --prefix ui-plugin run build

$(PLUGIN_BACKENDS): plugin-backend-%: plugin-front # which empties the folder first
	CGO_ENABLED=0 GOOS=$(word 1,$(subst _, ,$*)) GOARCH=$(word 2,$(subst _, ,$*)) go build -trimpath -ldflags '-s -w' \
	  -o ui-plugin/dist/gpx_trefoil_datasource_$*$(if $(filter windows%,$*),.exe) ./ui-plugin/pkg

ui-plugin/node_modules/.package-lock.json: ui-plugin/package.json ui-plugin/package-lock.json
	npm --prefix ui-plugin ci --no-audit --no-fund
	touch $@

plugin-preview: plugin-page ## show the built plugin in a browser without Grafana (PREVIEW_FLAGS; asks http://127.0.0.1:8733)
	exec bin/plugin-preview $(PREVIEW_FLAGS)

plugin-e2e: engine plugin-page ## drive the built plugin in Chromium, before a trefoil with demo data. Needs Debian's chromium package
	node --test --test-concurrency=1 ui-plugin/preview/e2e.mjs

plugin-page: plugin
	cd ui-plugin && node preview/build.mjs
	go build -o bin/plugin-preview ./ui-plugin/preview

##### measurements and suites of their own

.PHONY: soak bench-ingest bench-peers bench-rules bench-promql bench-query conformance chaos
bench-ingest: engine bench-peers ## measure ingest next to its peers: records/s, CPU and bytes per record (see bench/README.md)
	go run ./bench ingest --trefoil bin/trefoil --collector bin/peers/collector --victoria-metrics bin/peers/victoria-metrics $(BENCH_FLAGS)

bench-peers: ## build what Trefoil is measured against: a collector with clickhouseexporter, and VictoriaMetrics
	go build -C bench/peers -o ../../bin/peers/collector ./collector
	GOBIN='$(CURDIR)/bin/peers' go install github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics@v1.148.0

bench-promql: engine ## measure PromQL against VictoriaMetrics (BENCH_FLAGS="-shape wide -repeat 3"; see bench/README.md)
	go run ./bench promql -trefoil bin/trefoil $(BENCH_FLAGS)
bench-rules: engine ## measure 10,000 rules, next to Prometheus if it is there: CPU, missed iterations
	go run ./bench rules --trefoil bin/trefoil $(BENCH_FLAGS)

bench-query: engine ## measure queries of logs and traces (BENCH_FLAGS="-logs 20000000 -spans 10000000"; see bench/README.md)
	go run ./bench query -trefoil bin/trefoil $(BENCH_FLAGS)

conformance: engine ## hold the doors to real senders; the query languages' suites come with each. Needs Debian's prometheus package
	go test -tags conformance -timeout 20m -v -run 'TestPrometheusWritesToUs|TestReceiverCompliance' ./ingest/promwrite
	go test -tags conformance -timeout 9m -run 'TestVictoriaMetrics' ./query/metricsqlexec # needs victoria-metrics in PATH, see the test
	go test -tags conformance -timeout 9m -run 'TestAmtool|TestDebianAlertmanager' ./alerting
	go test -tags conformance -timeout 9m -run 'TestPromtool' ./alerting/ruletest
	go test -timeout 9m -count 1 -run 'TestPromtool' ./cmd/trefoil
	go test -timeout 9m -count 1 -v -run 'TestScripts|TestCorpus' ./query/logexec # foreign LogQL scripts: TREFOIL_LOGQL_CORPUS=DIR, see docs/logql.md
	go test -timeout 9m -count 1 -run 'TestScripts|TestConformance' ./query/traceql ./query/spanset ./query/traceexec # scorecards: docs/conformance
	go test -tags conformance -timeout 9m -count 1 -run 'TestPromLabsCompliance' ./query -compliance.queries '$(PROMLABS)' # PROMLABS: promql/promql-test-queries.yml of github.com/prometheus/compliance
	go test -timeout 60m -count 1 -run 'TestSuite$$' ./query/metricexec -suite.run . # 40 minutes on a busy machine

# go test itself runs ten kills and freezes the engine for three seconds. A run is repeated with the SEED it printed;
# the moments are the same then, what the processes are doing at them is not.
KILLS ?= 100
SEED ?= 0
FREEZE ?= 150s
chaos: engine ## kill -9 under load and in the life of alerts KILLS=100 times, freeze the engine for FREEZE, fill log and disk; count every acknowledged record
	go test -v -count=1 -timeout 60m ./cmd/internal/chaos -args -trefoil '$(CURDIR)/bin/trefoil' -kills $(KILLS) -seed $(SEED) -freeze $(FREEZE)
	go test -v -count=1 -timeout 60m ./alerting -run TestKilledAtRandom -args -kills 50

SOAK ?= 20m
soak: engine ## load the binary for SOAK=20m; fails when memory, goroutines, parts or the log grow without bound
	go test -v -count=1 -timeout 0 -run TestSoak ./cmd/internal/chaos -args -trefoil '$(CURDIR)/bin/trefoil' -soak $(SOAK)

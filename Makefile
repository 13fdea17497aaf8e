# Schulhof. Plain "make" lists the targets.
TAGS := -tags=sqlite_fts5,sqlite_omit_load_extension
# SQLite syncs by fdatasync where it is told that there is one: the fsync of a commit then does not write the log's time of change as well.
# QPSG: it does not plan a statement anew because another value is bound to it, which it else does for most texts with each value.
# PCACHE_INITSZ: the first 1,000 pages of a cache have their memory from the start; else each read after a commit frees them and gets them one by
# one, in threads that are not the first with a system call for each.
export CGO_CFLAGS := -g -O2 -DHAVE_FDATASYNC=1 -DSQLITE_ENABLE_QPSG=1 -DSQLITE_DEFAULT_PCACHE_INITSZ=1000
# "make test RACE=" leaves the race detector out.
RACE := -race
# How long each fuzz target runs.
FUZZTIME := 20s
# A throw-away PostgreSQL for the second half of the database tests, when Debian's is installed and none is named: in memory, if there are 2 GB.
PGPLACE := $(shell [ "$$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 2000000 ] 2>/dev/null && echo /dev/shm || echo /tmp)
PGTEST := SCHULHOF_TEST_POSTGRES_DIR=$(shell mktemp -u $(PGPLACE)/schulhof-pg-XXXXXX) SCHULHOF_TEST_POSTGRES_PORT=$(shell shuf -i 42000-48999 -n 1) store/storetest/postgres.sh
WITH_POSTGRES = if [ -z "$$SCHULHOF_TEST_POSTGRES" ] && url=$$($(PGTEST) start); then trap '$(PGTEST) stop' EXIT; trap 'exit 130' HUP INT TERM; export SCHULHOF_TEST_POSTGRES="$$url"; fi

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/schulhof
	go build $(TAGS) -trimpath -o bin/schulhof ./cmd/schulhof

run: build ## build, then run the demo school
	@exec bin/schulhof demo

# Each test program with the race detector otherwise sleeps for a second before it ends, so that other threads can report.
test: export GORACE := atexit_sleep_ms=100 $(GORACE)
test: ## run every test, with the race detector and both databases
	@$(WITH_POSTGRES); go vet $(TAGS) ./... && go test $(TAGS) $(RACE) -vet=off -parallel 4 -timeout 20m ./cmd/schulhof ./mailbox ./...

lint: ## vet, staticcheck, gofmt, verified modules
	go mod verify
	@files=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "not gofmt-ed:"; echo "$$files"; exit 1; fi
	go vet $(TAGS) ./...
	go tool staticcheck $(TAGS) ./...

vulncheck: ## look for known vulnerabilities (asks the internet)
	go run golang.org/x/vuln/cmd/govulncheck@v1.1.4 $(TAGS) ./...

bench: ## Go benchmarks with allocations
	go test $(TAGS) -run '^$$' -bench . -benchmem ./...

fuzz: ## each fuzz target for FUZZTIME (20s)
	@for package in $$(go list $(TAGS) ./...); do \
		for target in $$(go test $(TAGS) -list '^Fuzz' "$$package" | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			go test $(TAGS) -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "$$package" || exit 1; \
		done; \
	done

e2e: build ## the long stories: many random steps, kill -9 cycles, other people's clients
	@$(WITH_POSTGRES); SCHULHOF_E2E=1 go test $(TAGS) -timeout 120m ./...
	@for script in cmd/schulhof/testdata/e2e/*.sh; do [ -e "$$script" ] || continue; echo "$$script"; SCHULHOF="$$PWD/bin/schulhof" bash "$$script" || exit 1; done

diagram: ## draw docs/rooms.svg from the table in docs/rooms.md and the imports
	go run $(TAGS) ./docs/rooms

docs: build ## docs/config.md from the comments of the settings; manual pages and completions into bin/
	bin/schulhof config reference > docs/config.md
	rm -rf bin/man && bin/schulhof man bin/man
	mkdir -p bin/completion && for shell in bash zsh fish; do bin/schulhof completion $$shell > bin/completion/schulhof.$$shell; done

.PHONY: help build run test lint vulncheck bench fuzz e2e diagram docs

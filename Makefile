# Each target is one line; CI and the README run the same ones.
export CGO_ENABLED ?= 0
LINT = golangci-lint

.PHONY: help build test race lint bench fuzz check
help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
build: ## one static binary, ./callrec
	go build -trimpath -ldflags "-s -w -X main.version=$$(git describe --always --dirty 2>/dev/null || echo dev)" -o callrec ./cmd/callrec
test: ## what the README says
	go test ./...
race: ## the same under the race detector (needs a C compiler), but for bench, which drives a binary that is not raced
	CGO_ENABLED=1 go test -race -p 1 $$(go list ./... | grep -v '/bench$$')
lint: ## golangci-lint with .golangci.yml
	$(LINT) run ./...
bench: ## every benchmark once; read bench/doc.go before comparing
	go test -run '^$$' -bench . -benchtime 1x ./...
fuzz: ## every fuzz target for FUZZTIME (20s)
	@scripts/fuzz.sh $${FUZZTIME:-20s}
check: ## everything CI checks, in its order
	@scripts/check.sh

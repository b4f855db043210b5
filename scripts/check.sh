#!/usr/bin/env bash
# Everything a change must pass, fail fast: format, vet, modules, lint, tests,
# race, other builds, generated files, a little fuzzing.
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0

step() { echo; echo "== $*"; }

step formatting
bad=$(gofmt -l $(git ls-files '*.go'))
[ -z "$bad" ] || { echo "not gofmt'd: $bad"; exit 1; }
step vet
go vet ./...
step modules
go mod tidy -diff
step other builds
GOARCH=arm64 go vet ./...
GOOS=darwin go vet ./cmd/... ./recording/... ./capture/... ./upload/... ./control/...
go vet -tags noasm ./codec/...
step generated files
go generate ./codec/...
git diff --exit-code -- codec || { echo "generated files differ: run go generate in codec/*/_gen and commit"; exit 1; }
step lint
if command -v golangci-lint >/dev/null; then golangci-lint run ./...; else echo "golangci-lint is not installed: skipped here, CI runs it"; fi
step tests
# One package after the other: the load test wants the machine for itself.
go test -p 1 -timeout 30m ./...
step tests without assembly, and with GOAMD64=v3
CALLREC_LONG= go test -tags noasm ./codec/... ./recording/...
[ "$(go env GOARCH)" != amd64 ] || ! grep -q avx2 /proc/cpuinfo || CALLREC_LONG= GOAMD64=v3 go test ./codec/... ./mixer/...
step race # one package after the other, for tests that watch the clock; bench drives a binary that is not raced
CALLREC_LONG= CGO_ENABLED=1 go test -race -p 1 -timeout 20m $(go list ./... | grep -v '/bench$')
step fuzz
scripts/fuzz.sh "${FUZZTIME:-5s}"

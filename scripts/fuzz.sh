#!/usr/bin/env bash
# Runs every fuzz target of the module for the given time: scripts/fuzz.sh 20s
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-20s}
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# fuzz runs one target. Go may call it failed, without an input that fails, because its
# time was up in the middle of one. Then it runs once more, and has to pass.
fuzz() {
  once "$@" && return
  grep -q '^    context deadline exceeded$' "$out" && ! grep -q 'Failing input\|panic\|_test.go:' "$out" && once "$@"
}
once() {
  go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" -fuzzminimizetime 20x "$1" 2>&1 | tee "$out"
}

while read -r file; do
  for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$file"); do
    echo "== $(dirname "$file") $target"
    fuzz "$(dirname "$file")" "$target"
  done
done < <(grep -rlE '^func Fuzz' --include='*_test.go' . | sort)

#!/usr/bin/env bash
# Runs every fuzz target of the module for the given time: scripts/fuzz.sh 20s
# Inputs are made smaller by few tries: Go calls it a failure when the time is up meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-20s}
grep -rlE '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do
  for target in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$file"); do
    echo "== $(dirname "$file") $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 20x "$(dirname "$file")"
  done
done

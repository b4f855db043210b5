// Package bench measures and tests the worker from outside: the real binary, as
// a process of its own, with real packets over loopback, real SBCs and real
// storage servers. Nobody imports it; `go test ./bench` and
// `go test -bench . ./bench` run it.
package bench

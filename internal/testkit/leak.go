package testkit

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// CheckLeaks fails t when, at its end, there are more goroutines or open files
// than now. They get 2 s to end. Tests that run in parallel disturb it.
func CheckLeaks(t testing.TB) {
	t.Helper()
	goroutines, files := runtime.NumGoroutine(), OpenFiles()
	t.Cleanup(func() {
		var g, f int
		for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			g, f = runtime.NumGoroutine(), OpenFiles()
			if g <= goroutines && f <= files {
				return
			}
		}
		stacks := make([]byte, 1<<16)
		stacks = stacks[:runtime.Stack(stacks, true)]
		t.Errorf("leak: %d goroutines after %d, %d open files after %d\n%s", g, goroutines, f, files, stacks)
	})
}

// OpenFiles counts the process's open files, 0 where /proc is missing.
func OpenFiles() int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(names)
}

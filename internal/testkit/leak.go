package testkit

import (
	"os"
	"runtime"
	"slices"
	"testing"
	"time"
)

// CheckLeaks fails t when, at its end, there are more goroutines or open files
// than now. They get 2 s to end. Tests that run in parallel disturb it.
func CheckLeaks(t testing.TB) {
	t.Helper()
	goroutines, files := runtime.NumGoroutine(), openFiles()
	t.Cleanup(func() {
		var g int
		var f []string
		for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			g, f = runtime.NumGoroutine(), openFiles()
			if g <= goroutines && len(f) <= len(files) {
				return
			}
		}
		more := len(f) - len(files)
		opened := slices.DeleteFunc(f, func(name string) bool { return slices.Contains(files, name) })
		stacks := make([]byte, 1<<16)
		stacks = stacks[:runtime.Stack(stacks, true)]
		t.Errorf("leak: %d goroutines after %d, %d more open files than %d, of %q\n%s", g, goroutines, more, len(files), opened, stacks)
	})
}

// OpenFiles counts the process's open files, 0 where /proc is missing.
func OpenFiles() int { return len(openFiles()) }

// openFiles names the process's open files as /proc does: a path, or a kind and an inode.
func openFiles() []string {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		// The descriptor of the folder itself is closed by now: it stays "".
		names[i], _ = os.Readlink("/proc/self/fd/" + e.Name())
	}
	return names
}

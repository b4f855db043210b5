package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// cpu is the worker's user and system time so far, of all its threads, as the
// scheduler counts it: in nanoseconds, not in ticks of 10 ms.
func (w *worker) cpu() time.Duration {
	w.t.Helper()
	const ofProcess = 2 // CPUCLOCK_SCHED, of a whole thread group
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^w.cmd.Process.Pid)<<3|ofProcess, &ts); err != nil {
		w.t.Fatalf("the worker's CPU clock: %v", err)
	}
	return time.Duration(ts.Nano())
}

// rss is how much memory the worker has resident, in bytes.
func (w *worker) rss() int64 {
	w.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", w.cmd.Process.Pid))
	if err != nil {
		w.t.Fatal(err)
	}
	pages, err := strconv.ParseInt(string(bytes.Fields(b)[1]), 10, 64)
	if err != nil {
		w.t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// profile has the worker write a CPU profile of d into a file.
func (w *worker) profile(name string, d time.Duration) error {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", w.ops, int(d.Seconds()))
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(name, b, 0o600)
}

// openFiles is how many files a child of ours may have open: a Go program takes
// all that the hard limit gives.
func openFiles() (uint64, error) {
	var l unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l)
	return l.Max, err
}

// generatorCPU is the last CPU we may use, numbered from 1 as testkit wants it.
// The worker is left to all of them.
func generatorCPU() (int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return 0, err
	}
	last := 0
	for i := range 64 * len(set) {
		if set.IsSet(i) {
			last = i + 1
		}
	}
	return last, nil
}

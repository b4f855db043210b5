package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"callrec/recording"
)

// What calls take is measured, and never taken for less than they are reckoned with.
func TestMemoryUse(t *testing.T) {
	const mb, call = 1 << 20, callMemory
	for _, c := range []struct {
		name  string
		use   memoryUse
		calls int
		want  int64
	}{
		{"nothing yet", memoryUse{base: 20 * mb, used: 20 * mb}, 0, 20 * mb},
		{"a burst before anything is measured", memoryUse{base: 20 * mb, used: 20 * mb}, 800, 120 * mb},
		{"young calls measured", memoryUse{20 * mb, 30 * mb, 800}, 800, 120 * mb},
		{"audio waits for the disk", memoryUse{20 * mb, 300 * mb, 800}, 801, 300*mb + call},
		{"half of them have gone since", memoryUse{20 * mb, 300 * mb, 800}, 400, 250 * mb},
		{"all have gone, and were cheap", memoryUse{20 * mb, 60 * mb, 800}, 0, 20 * mb},
	} {
		if got := c.use.with(c.calls); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// Three quarters of the budget are for calls; the refusal says what there is and
// which flag says so.
func TestMemoryRefuses(t *testing.T) {
	calls := 0
	var m memory
	m.live = func() int { return calls }
	m.use.Store(&memoryUse{base: 20 << 20, used: 20 << 20})
	wantRefusal(t, m.full(), nil) // no limit
	m.budget = 64 << 20           // 48 for calls, 28 of them left
	if got := m.room(); got != 28*8 {
		t.Errorf("room for %d calls", got)
	}
	for calls = range 28 * 8 {
		wantRefusal(t, m.full(), nil)
	}
	calls++
	wantRefusal(t, m.full(), []string{"49 MB", "up to 48", "--max-memory 64"})
	m.use.Store(&memoryUse{base: 50 << 20})
	if got := m.room(); got != 0 {
		t.Errorf("room for %d calls where there is none", got)
	}
}

// What is measured is near to what is in use, and grows with it.
func TestMemoryIsMeasured(t *testing.T) {
	var m memory
	m.begin(0, func() int { return 7 })
	base := m.use.Load().base
	if base < 1<<20 || m.use.Load().calls != 7 {
		t.Fatalf("in use: %+v", m.use.Load())
	}
	held := make([][]byte, 64)
	for i := range held {
		held[i] = make([]byte, 1<<20)
	}
	m.begin(0, m.live)
	if grown := m.use.Load().base - base; grown < 60<<20 || grown > 80<<20 {
		t.Errorf("64 MB more are %d", grown)
	}
	_ = held[63][0]
}

// The least of what the machine has and what control groups allow.
func TestMachineMemory(t *testing.T) {
	const meminfo, v2, v1 = "MemTotal:       16000000 kB\nMemFree: 5 kB\n", "0::/a/b\n", "12:cpu,memory:/a/b\n1:name=systemd:/\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"nothing is known", nil, 0},
		{"no group", map[string]string{"proc/meminfo": meminfo}, 16000000 << 10},
		{"v2", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": v2, "sys/fs/cgroup/a/b/memory.max": "5000\n"}, 5000},
		{"v2, the group above", map[string]string{"proc/self/cgroup": v2, "sys/fs/cgroup/a/memory.max": "5000\n", "sys/fs/cgroup/a/b/memory.max": "max\n"}, 5000},
		{"v2, slowed down before", map[string]string{"proc/self/cgroup": v2, "sys/fs/cgroup/a/b/memory.max": "5000\n", "sys/fs/cgroup/a/b/memory.high": "4000\n"}, 4000},
		{"v2, in a container", map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "5000\n"}, 5000},
		{"v1", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": v1, "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "5000\n"}, 5000},
		{"v1, in a container", map[string]string{"proc/self/cgroup": v1, "sys/fs/cgroup/memory/memory.limit_in_bytes": "5000\n"}, 5000},
		{"v1, no limit", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": v1, "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 16000000 << 10},
		{"nonsense", map[string]string{"proc/meminfo": "MemTotal: x kB\n", "proc/self/cgroup": "0::\nx\n0::../..\n", "sys/fs/cgroup/memory.max": "-5\n"}, 0},
	} {
		root := fstest.MapFS{}
		for name, text := range c.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := machineMemory(root); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// The flag goes before GOMEMLIMIT, that before the machine; GOMEMLIMIT stays what
// the collector keeps to, and where there is none the budget becomes that.
func TestMemoryBudget(t *testing.T) {
	was := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(was)
	const gb = 1 << 30
	for _, c := range []struct{ flag, machine, limit, budget, then int64 }{
		{0, 0, math.MaxInt64, 0, math.MaxInt64},
		{0, 10 * gb, math.MaxInt64, 8 * gb, 8 * gb},
		{4 * gb, 10 * gb, math.MaxInt64, 4 * gb, 4 * gb},
		{0, 10 * gb, 6 * gb, 6 * gb, 6 * gb},
		{4 * gb, 10 * gb, 6 * gb, 4 * gb, 6 * gb},
	} {
		debug.SetMemoryLimit(c.limit)
		if got := memoryBudget(c.flag, c.machine); got != c.budget || debug.SetMemoryLimit(-1) != c.then {
			t.Errorf("%+v: %d, and a limit of %d", c, got, debug.SetMemoryLimit(-1))
		}
	}
}

// A worker without memory for a call does not start; one whose memory has been used
// up refuses calls, says so on /readyz, and takes them again.
func TestWorkerWithoutMemory(t *testing.T) {
	cfg := workerConfig{
		data: t.TempDir(), http: "127.0.0.1:0", ops: "127.0.0.1:0", addrs: []netip.Addr{loopback}, firstPort: 39300, lastPort: 39399, shards: 1,
		hold: time.Second, sourceTimeout: time.Second, uploadKeep: time.Hour, maxMemory: 1 << 20, maxBusy: 0.85,
	}
	cfg.storage = cfg.data + "/recordings"
	w, err := startWorker(t.Context(), cfg, slog.New(slog.DiscardHandler))
	wantRefusal(t, err, []string{"1 MB", "--max-memory"})
	if err == nil {
		_ = w.stop(t.Context())
	}
	cfg.maxMemory = 8 << 30
	if w, err = startWorker(t.Context(), cfg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	announce := func(id string) error {
		_, _, err := w.manager.Announce(t.Context(), recording.CallSpec{ID: recording.CallID{Account: "acc", Call: id}, At: time.Now()})
		return err
	}
	ready := func() (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.opsAddr+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	wantRefusal(t, announce("first"), nil)
	if code, said := ready(); code != http.StatusOK {
		t.Errorf("/readyz: %d %s", code, said)
	}
	m := &w.space.memory
	m.budget = (m.use.Load().base + 5*callMemory) / 3 * 4 // what has room for five calls, or fewer if others have taken some since
	var refused *recording.RefusedError
	for id := 'a'; id < 'f' && err == nil; id++ {
		err = announce(string(id))
	}
	if !errors.As(err, &refused) || refused.RetryAfter == 0 || !strings.Contains(err.Error(), "--max-memory") {
		t.Errorf("announced with no memory left: %v", err)
	}
	if code, said := ready(); code != http.StatusServiceUnavailable || !strings.Contains(said, "--max-memory") {
		t.Errorf("/readyz with no memory left: %d %s", code, said)
	}
	m.budget = 8 << 30
	wantRefusal(t, announce("last"), nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.stop(ctx); err != nil {
		t.Error(err)
	}
}

package upload_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"callrec/upload"
	"callrec/upload/guard"
	"callrec/upload/spool"
)

// fake is a target that answers as it is told.
type fake struct {
	mu     sync.Mutex
	answer func(o upload.Object, try int) error
	tries  map[string]int
	order  []string
	times  []time.Time
	at     int // at once
	most   int
}

func (f *fake) Put(ctx context.Context, o upload.Object) error {
	f.mu.Lock()
	if f.tries == nil {
		f.tries = map[string]int{}
	}
	f.tries[o.ID]++
	try := f.tries[o.ID]
	f.order = append(f.order, o.ID)
	f.times = append(f.times, time.Now())
	f.at++
	f.most = max(f.most, f.at)
	f.mu.Unlock()
	defer func() { f.mu.Lock(); f.at--; f.mu.Unlock() }()
	if f.answer == nil {
		return nil
	}
	return f.answer(o, try)
}

// calls are the times of tries so far.
func (f *fake) calls() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.times)
}

// waits are the times between tries.
func (f *fake) waits() (w []time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := 1; i < len(f.times); i++ {
		w = append(w, f.times[i].Sub(f.times[i-1]))
	}
	return w
}

func recID(n int) string { return fmt.Sprintf("202611-%032x", n) }

func manifest(n int, url string) spool.Manifest {
	return spool.Manifest{
		ID: recID(n), Ext: "wav", Account: "acme", CallID: fmt.Sprint("call-", n), ContentType: "audio/x-wav",
		Destination: spool.Destination{URL: url, Name: spool.ObjectName(fmt.Sprint("call-", n), "", "wav")},
		Meta:        []spool.Field{{Key: "from", Value: "1001"}, {Key: "duration_ms", Value: "7"}},
		Started:     time.Date(2026, 11, 23, 10, 0, n, 0, time.UTC), DurationMS: 7, Rate: 8000, Channels: 1,
		Quality: []byte(`{"lost":3}`),
	}
}

func record(t *testing.T, s *spool.Spool, n int, url string, audio []byte) {
	t.Helper()
	recordAs(t, s, manifest(n, url), audio...)
}

func recordAs(t *testing.T, s *spool.Spool, m spool.Manifest, audio ...byte) {
	t.Helper()
	p, err := s.Create(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write(audio); err != nil {
		t.Fatal(err)
	}
	p.Commit(nil, m)
}

func allowLoopback(t *testing.T) *guard.Guard {
	t.Helper()
	g, err := guard.New([]string{"127.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// memDir is a folder where fsync costs nothing: days of tries pass in a test.
func memDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "upload")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// rig is a spool with a queue behind it.
type rig struct {
	*spool.Spool
	q    *upload.Queue
	mu   sync.Mutex
	outs []upload.Outcome
}

func (r *rig) outcomes() []upload.Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.outs
}

func start(t *testing.T, dir string, target upload.Target, change func(*upload.Config)) *rig {
	t.Helper()
	r := &rig{}
	cfg := upload.Config{Target: target, Rand: func() float64 { return 0.5 }, OnOutcome: func(o upload.Outcome) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.outs = append(r.outs, o)
	}}
	if change != nil {
		change(&cfg)
	}
	var err error
	if r.q, err = upload.New(cfg); err != nil {
		t.Fatal(err)
	}
	if r.Spool, err = spool.Open(spool.Config{Dir: dir, OnReady: r.q.Submit}); err != nil {
		t.Fatal(err)
	}
	return r
}

// stop ends it in the order that cmd does.
func (r *rig) stop(t *testing.T, grace context.Context) {
	t.Helper()
	if err := r.Flush(context.Background()); err != nil {
		t.Error(err)
	}
	if err := r.q.Close(grace); err != nil {
		t.Error(err)
	}
	if err := r.Spool.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

var errDown = errors.New("connection refused")

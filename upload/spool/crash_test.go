package spool

import (
	"bytes"
	"context"
	"errors"
	"os"
	"sync"
	"syscall"
	"testing"
)

var errDead = errors.New("the process was killed")

// reaper ends the world before step number at; it also tears that step in half
// if it is a write.
type reaper struct {
	mu       sync.Mutex
	step, at int
}

func (r *reaper) fault(string, string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.step++
	if r.step > r.at {
		return errDead
	}
	return nil
}

func (r *reaper) dead() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.step > r.at
}

// what a recording has come to when the world ends, and so what must become of it.
type fate struct {
	body     []byte
	onDisk   int  // of body, confirmed by Flush
	created  bool // Flush came back after Create
	ready    bool // announced: every byte is promised
	ending   bool // Done or Abandon was called
	gone     bool // and had come to its end
	told     bool // and somebody was told that it is delivered
	dropped  bool // who said that the news is kept
	mayBreak bool // Abandon was called: interrupted is as good as gone
}

// live is a worker's life, one step of the disk after another.
func live(t *testing.T, s *Spool, in *inbox, post *postbox, r *reaper) []*fate {
	f := make([]*fate, 5)
	parts := make([]*Part, 5)
	flushed := func(n, size int) {
		flush(t, s)
		if !r.dead() {
			f[n].created, f[n].onDisk = true, size
		}
	}
	for n := range f {
		f[n] = &fate{body: audio(40_000 + 2*n)}
		parts[n] = create(t, s, n)
		flushed(n, 0)
		_ = parts[n].Write(f[n].body[:20_000])
		flushed(n, 20_000)
		parts[n].Update(manifest(n))
		_ = parts[n].Write(f[n].body[20_000:])
		flushed(n, len(f[n].body))
	}
	for n := range 3 { // 0 and 1 are delivered, or parked; 2 waits; 3 is abandoned; 4 goes on
		parts[n].Commit(header(len(f[n].body)), manifest(n))
		flush(t, s)
	}
	for _, got := range in.all() {
		n := got.started.Second()
		f[n].ready = true
		switch n {
		case 0:
			_ = got.Note(Delivery{Tries: 1})
			f[n].ending = true
			f[n].gone = got.Done() == nil
			for _, r := range post.all() {
				f[n].told = true
				f[n].dropped = r.Drop() == nil
			}
		case 1:
			f[n].ending = true
			f[n].gone = got.Park(Delivery{}, "refused") == nil // gone from the queue
		}
	}
	f[3].ending, f[3].mayBreak = true, true
	parts[3].Abandon()
	flush(t, s)
	f[3].gone = !s.Holds("acme", "call-3")
	return f
}

// judge compares what the next process finds with what was promised.
func judge(t *testing.T, at int, fates []*fate, got []Ready, sent []Receipt) {
	t.Helper()
	told := map[string]bool{}
	for _, r := range sent {
		if told[r.m.ID] || r.m.ID != id(0) || r.m.CallID != "call-0" || !fates[0].ending {
			t.Errorf("step %d: delivered, twice or never: %s", at, r.m.ID)
		}
		told[r.m.ID] = true
	}
	found := map[string]Ready{}
	for _, r := range got {
		if _, twice := found[r.ID()]; twice {
			t.Errorf("step %d: %s is announced twice", at, r.ID())
		}
		found[r.ID()] = r
	}
	for n, f := range fates {
		r, ok := found[id(n)]
		switch {
		case ok && told[id(n)]:
			t.Errorf("step %d: recording %d is delivered and to be delivered", at, n)
		case n == 0 && f.ending && !f.dropped && !ok && !told[id(n)]:
			t.Errorf("step %d: nobody knows that recording %d is delivered", at, n)
		case f.dropped && told[id(n)]:
			t.Errorf("step %d: the receipt of recording %d came back", at, n)
		case f.gone && ok:
			t.Errorf("step %d: recording %d came back", at, n)
		case !ok && !f.gone && !f.ending && f.created:
			t.Errorf("step %d: recording %d is lost: %+v", at, n, f.onDisk)
		}
		if !ok {
			continue
		}
		m, err := r.Manifest()
		if err != nil {
			t.Errorf("step %d: %v", at, err)
			continue
		}
		b := content(t, r)
		if len(b) < headerLen || !bytes.Equal(b[:headerLen], header(len(b)-headerLen)) || !bytes.HasPrefix(f.body, b[headerLen:]) {
			t.Errorf("step %d: recording %d holds %d bytes that are not its own", at, n, len(b))
			continue
		}
		if f.ready && (m.Interrupted || len(b)-headerLen != len(f.body)) {
			t.Errorf("step %d: recording %d was announced whole and is now %d bytes, interrupted %v", at, n, len(b), m.Interrupted)
		}
		if len(b)-headerLen < f.onDisk {
			t.Errorf("step %d: recording %d has %d bytes, had %d on disk", at, n, len(b)-headerLen, f.onDisk)
		}
	}
}

// invariant checks what the package comment promises of the folder at any moment.
func invariant(t *testing.T, at int, dir string) {
	t.Helper()
	has := map[string]bool{}
	for _, file := range files(t, dir) {
		has[file] = true
	}
	d := disk{dir: dir}
	for file := range has {
		n, k := parseFile(file)
		if (k == kindPart || k == kindReady) && !has[n.manifest()] && !has[n.gone()] && !has[n.sent()] {
			t.Errorf("step %d: %s has no manifest", at, file)
		}
		if k == kindReady && has[n.manifest()] {
			m, err := d.loadManifest(n.ID)
			st, serr := os.Stat(d.path(file))
			if err != nil || serr != nil || !m.Complete || m.Size != st.Size() {
				t.Errorf("step %d: %s has its name too soon: %v, %v", at, file, err, serr)
			}
		}
	}
}

// memDir is a folder where fsync costs nothing: what is tested is order.
func memDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "spool")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// TestKilledAtEveryStep ends the process before every single step on the disk,
// and the process after it, at its recovery, before every few of its own.
func TestKilledAtEveryStep(t *testing.T) {
	for at, more := 0, true; more; at++ {
		for again := -1; again < 45; again += 11 {
			dir := memDir(t)
			first := &reaper{at: at}
			post := &postbox{}
			s, in := openTest(t, dir, func(c *Config) { c.Fault, c.OnSent = first.fault, post.add })
			fates := live(t, s, in, post, first)
			more = first.dead()
			closeTest(t, s)
			invariant(t, at, dir)
			if again >= 0 {
				second := &reaper{at: again}
				s, _ := openTest(t, dir, func(c *Config) { c.Fault, c.OnSent = second.fault, new(postbox).add })
				closeTest(t, s)
				invariant(t, at, dir)
				if !second.dead() {
					break
				}
			}
			post = &postbox{}
			s, in = openTest(t, dir, func(c *Config) { c.OnSent = post.add })
			judge(t, at, fates, in.all(), post.all())
			if q := s.Stats().Quarantined; q != 0 {
				t.Errorf("step %d: %d files in quarantine", at, q)
			}
			if st := s.Stats(); st.Parts != 0 || st.Ready != len(in.all()) {
				t.Errorf("step %d: %+v after recovery", at, st)
			}
			for _, r := range in.all() {
				if err := r.Done(); err != nil {
					t.Error(err)
				}
			}
			for _, r := range post.all() {
				if err := r.Drop(); err != nil {
					t.Error(err)
				}
			}
			if left := files(t, dir); len(left) > 2 { // the parked one
				t.Errorf("step %d: left %q", at, left)
			}
			closeTest(t, s)
			_ = os.RemoveAll(dir)
		}
		if t.Failed() || at > 1000 {
			t.Fatalf("ended at step %d", at)
		}
		if !more {
			t.Logf("%d steps", at)
		}
	}
}

// A disk that fails on one part harms that part only, says so once, and what
// was saved is delivered.
func TestBrokenPart(t *testing.T) {
	broken := false
	var mu sync.Mutex
	set := func(v bool) { mu.Lock(); defer mu.Unlock(); broken = v }
	s, in := openTest(t, t.TempDir(), func(c *Config) {
		c.Fault = func(op, file string) error {
			mu.Lock()
			defer mu.Unlock()
			if broken && op == "write" && file == (Name{id(1), "wav"}).part() {
				return syscall.EIO
			}
			return nil
		}
	})
	p, other := create(t, s, 1), create(t, s, 2)
	body := audio(20_000)
	write(t, p, body)
	flush(t, s)
	set(true)
	write(t, p, audio(16_384))
	flush(t, s)
	set(false)
	if err := p.Write([]byte("x")); !errors.Is(err, syscall.EIO) {
		t.Errorf("the error does not stick: %v", err)
	}
	if st := s.Stats(); st.Failed != 1 || st.BytesLost != 16_384 || st.BytesQueued != 0 {
		t.Errorf("%+v", st)
	}
	write(t, other, body)
	p.Commit(header(36_384), manifest(1))
	other.Commit(header(len(body)), manifest(2))
	flush(t, s)
	if len(in.all()) != 2 {
		t.Fatalf("%d announced", len(in.all()))
	}
	for _, r := range in.all() {
		wantAudio(t, r, body)
		if m, err := r.Manifest(); err != nil || m.Interrupted != (r.ID() == id(1)) {
			t.Errorf("%+v, %v", m, err)
		}
	}
}

// What cannot be finished now is finished when the disk lets it.
func TestFinishIsTriedAgain(t *testing.T) {
	for _, op := range []string{"sync", "create", "rename", "syncdir", "remove"} {
		fails := 2
		var mu sync.Mutex
		s, in := openTest(t, t.TempDir(), nil)
		p := create(t, s, 1)
		write(t, p, audio(1000))
		flush(t, s)
		s.disk.fault = func(o, _ string) error {
			mu.Lock()
			defer mu.Unlock()
			if o == op && fails > 0 {
				fails--
				return errNoSpace
			}
			return nil
		}
		j := &job{p: p, m: ptr(manifest(1)), header: header(1000)}
		for range 3 { // as the timer would
			s.run(j)
		}
		if len(in.all()) != 1 {
			t.Errorf("%s: %d announced", op, len(in.all()))
			continue
		}
		wantAudio(t, in.all()[0], audio(1000))
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

func ptr[T any](v T) *T { return &v }

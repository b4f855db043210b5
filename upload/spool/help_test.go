package spool

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// The test format: a header of 8 bytes that holds the length of the rest.
const headerLen = 8

func header(n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// repairTest makes a torn file of the test format whole: even length, header.
func repairTest(m *Manifest, f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	n := max(st.Size()-headerLen, 0) &^ 1
	if err := f.Truncate(headerLen + n); err != nil {
		return err
	}
	m.DurationMS = n
	_, err = f.WriteAt(header(int(n)), 0)
	return err
}

func id(n int) string { return fmt.Sprintf("202611-%032x", n) }

func manifest(n int) Manifest {
	return Manifest{
		ID: id(n), Ext: "wav", Account: "acme", CallID: fmt.Sprintf("call-%d", n), ContentType: "audio/x-wav",
		Destination: Destination{URL: "https://u:secret@h.example/rec?key=secret", Name: ObjectName("c", "", "wav")},
		Meta:        []Field{{"from", "1001"}, {"owner_id", ""}},
		Started:     time.Date(2026, 11, 23, 10, 0, n, 0, time.UTC), Rate: 8000, Channels: 1,
		Call: []byte(`{"legs":[1,2]}`),
	}
}

// box collects what a spool tells.
type box[T any] struct {
	mu  sync.Mutex
	got []T
}

func (b *box[T]) add(v T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, v)
}

func (b *box[T]) all() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.got)
}

type (
	inbox   = box[Ready]   // what is ready
	postbox = box[Receipt] // what was delivered
)

func openTest(t testing.TB, dir string, change func(*Config)) (*Spool, *inbox) {
	t.Helper()
	in := &inbox{}
	cfg := Config{Dir: dir, OnReady: in.add, Repair: repairTest}
	if change != nil {
		change(&cfg)
	}
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeTest(t, s) })
	return s, in
}

func closeTest(t testing.TB, s *Spool) {
	t.Helper()
	if err := s.Close(context.Background()); err != nil && !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func flush(t testing.TB, s *Spool) {
	t.Helper()
	if err := s.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func create(t testing.TB, s *Spool, n int) *Part {
	t.Helper()
	p, err := s.Create(manifest(n), header(0))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func write(t testing.TB, p *Part, b []byte) {
	t.Helper()
	if err := p.Write(b); err != nil {
		t.Fatal(err)
	}
}

func content(t testing.TB, r Ready) []byte {
	t.Helper()
	f, err := r.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func audio(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// wantAudio checks a Ready's bytes against header and body.
func wantAudio(t testing.TB, r Ready, body []byte) {
	t.Helper()
	if got := content(t, r); !bytes.Equal(got, append(header(len(body)), body...)) {
		t.Errorf("%s holds %d bytes, want header and %d", r.ID(), len(got), len(body))
	}
}

func files(t testing.TB, dir string) []string {
	t.Helper()
	var got []string
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.Name() != lockFile {
			got = append(got, e.Name())
		}
	}
	return got
}

func put(t testing.TB, dir, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, file), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callrec/upload/spool"
)

// A worker that starts over what another has left finishes and delivers it while
// its own parts are still being put together.
func TestStartOverLeftovers(t *testing.T) {
	dir := t.TempDir()
	const left = 40
	sp, err := spool.Open(spool.Config{Dir: filepath.Join(dir, "spool")})
	if err != nil {
		t.Fatal(err)
	}
	for i := range left {
		m := spool.Manifest{
			ID: "202611-000000000000000000000000000000" + string([]byte{'0' + byte(i/10), '0' + byte(i%10)}), Ext: "wav", Account: "acc", CallID: "c",
			Destination: spool.Destination{Name: "x.wav"}, Started: time.Now(), Rate: 8000, Channels: 1,
		}
		p, err := sp.Create(m, make([]byte, 44))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Write(make([]byte, 16000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := sp.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w, err := startWorker(t.Context(), workerConfig{
		data: dir, http: "127.0.0.1:0", storage: filepath.Join(dir, "recordings"),
		addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, firstPort: 39000, lastPort: 39255, shards: 32,
		hold: time.Second, sourceTimeout: time.Second, uploadKeep: time.Hour,
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); w.queue.Stats().Delivered < left && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if got := w.queue.Stats().Delivered; got != left {
		t.Errorf("%d of %d leftovers delivered", got, left)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.stop(ctx); err != nil {
		t.Error(err)
	}
}

// An address that was found, and that no SBC can reach, is told at the start; one that
// the operator has given is the operator's.
func TestStartOnLoopback(t *testing.T) {
	for _, found := range []bool{true, false} {
		dir := t.TempDir()
		var log bytes.Buffer
		w, err := startWorker(t.Context(), workerConfig{
			data: dir, http: "127.0.0.1:0", storage: filepath.Join(dir, "recordings"),
			addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, addrsFound: found, firstPort: 39400, lastPort: 39407, shards: 1,
			hold: time.Second, sourceTimeout: time.Second, uploadKeep: time.Hour,
		}, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.stop(ctx); err != nil {
			t.Error(err)
		}
		if got := strings.Contains(log.String(), "--rtp-address"); got != found {
			t.Errorf("found %v, log %q", found, log.String())
		}
	}
}

// A worker whose data folder another one has says who has it and what to do, and
// nothing after that; of itself it has nothing to tell.
func TestStartOverAnotherWorker(t *testing.T) {
	s := openShop(t)
	var log bytes.Buffer
	second := s.made
	if w, err := startWorker(t.Context(), second, slog.New(slog.NewTextHandler(&log, nil))); err == nil {
		t.Error("it started")
		_ = w.stop(t.Context())
	} else if text := err.Error(); !strings.Contains(text, fmt.Sprintf("another worker (pid %d) holds", os.Getpid())) || !strings.HasSuffix(text, "--data") {
		t.Errorf("it says %q", text)
	}
	if strings.Contains(log.String(), "stopped") {
		t.Errorf("it logs %q", log.String())
	}
}

package spool

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

// However fast a part is told anew, one manifest of it waits for a disk that stands
// still, it counts against the queue, and whoever waits is told when the disk has
// that manifest or a newer one.
func TestUpdatesOfAPartWaitAsOne(t *testing.T) {
	hold, writing := make(chan struct{}), make(chan struct{}, 1)
	var saves atomic.Int32
	s, _ := openTest(t, t.TempDir(), func(c *Config) {
		c.Fault = func(op, file string) error {
			if !strings.Contains(file, id(1)) || op != "rename" {
				return nil
			}
			if saves.Add(1) == 2 { // the first is of its beginning
				writing <- struct{}{}
				<-hold
			}
			return nil
		}
	})
	p := create(t, s, 1)
	if err := s.writes.idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	told := func(n int) Manifest {
		m := manifest(1)
		m.Call = fmt.Appendf(nil, `{"commands":%d,"offer":%q}`, n, strings.Repeat("x", 10_000))
		return m
	}
	first := p.Update(told(0))
	<-writing // the disk stands still with that one
	before := s.Stats().BytesQueued
	var waiting []<-chan struct{}
	for n := range 1000 {
		waiting = append(waiting, p.Update(told(n+1)))
	}
	if grown := s.Stats().BytesQueued - before; grown < 10_000 || grown > 12_000 {
		t.Errorf("1000 updates of 10 KB take %d bytes of the queue, want those of one", grown)
	}
	for _, saved := range append(waiting, first) {
		select {
		case <-saved:
			t.Fatal("somebody was told that an update is saved while the disk stood still")
		default:
		}
	}
	close(hold)
	<-first
	for _, saved := range waiting {
		<-saved
		if m, err := s.disk.loadManifest(id(1)); err != nil || !strings.HasPrefix(string(m.Call), `{"commands":1000,`) {
			t.Fatalf("told that it is saved, but the disk has %.30s, %v", m.Call, err)
		}
	}
	if n, queued := saves.Load(), s.Stats().BytesQueued; n != 3 || queued != 0 {
		t.Errorf("%d manifests were written, %d bytes still count", n, queued)
	}
}

// Nobody is told that a manifest is saved which the disk has refused.
func TestAnUpdateTheDiskRefusesIsNotSaved(t *testing.T) {
	var full atomic.Bool
	s, _ := openTest(t, t.TempDir(), func(c *Config) {
		c.Fault = func(string, string) error {
			if full.Load() {
				return errors.New("no space left on device")
			}
			return nil
		}
	})
	p := create(t, s, 1)
	if err := s.writes.idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	full.Store(true)
	refused := p.Update(manifest(1))
	if err := s.writes.idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	full.Store(false)
	select {
	case <-refused:
		t.Error("told that it is saved")
	default:
	}
	<-p.Update(manifest(1))
}

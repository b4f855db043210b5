package spool

import (
	"context"
	"runtime"
	"testing"
	"time"
)

// Writing costs no memory beyond the chunks, which go round.
func TestWriteAllocatesNothing(t *testing.T) {
	s, _ := openTest(t, t.TempDir(), nil)
	p := create(t, s, 1)
	block := audio(3200)
	turn := func() {
		for range 100 {
			write(t, p, block)
		}
		p.Flush()
		flush(t, s) // which itself allocates a little
	}
	turn()
	if n := testing.AllocsPerRun(50, turn); n > 20 {
		t.Errorf("%.0f allocations for 100 writes", n)
	}
}

// Everything that Open starts has gone when Close returns.
func TestNoGoroutineIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		s, _ := openTest(t, t.TempDir(), nil)
		for n := range 20 {
			p := create(t, s, n)
			write(t, p, audio(1000*n))
			switch n % 3 {
			case 0:
				p.Commit(header(1000*n), manifest(n))
			case 1:
				p.Abandon()
			}
		}
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, had %d", runtime.NumGoroutine(), before)
}

// A disk that does not answer cannot hold the end of the process up.
func TestCloseGivesUpWithItsContext(t *testing.T) {
	hold := make(chan struct{})
	s, _ := openTest(t, t.TempDir(), func(c *Config) {
		c.Fault = func(op, _ string) error {
			if op == "sync" {
				<-hold
			}
			return nil
		}
	})
	create(t, s, 1).Commit(header(0), manifest(1))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Close(ctx); err == nil {
		t.Error("closed over a disk that does not answer")
	}
	close(hold)
	flush(t, s)
	s.writes.close()
	<-s.ended
	_ = s.lock.Close()
}

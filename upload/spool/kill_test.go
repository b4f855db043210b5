//go:build unix

package spool

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const killDir = "SPOOL_TEST_KILL_DIR"

// TestKilledWorker is the process that TestKill9 kills: it records, says what it
// has flushed or seen announced, commits, abandons, and begins again.
func TestKilledWorker(t *testing.T) {
	dir := os.Getenv(killDir)
	if dir == "" {
		t.Skip("this is the victim of TestKill9, which starts it")
	}
	s, err := Open(Config{Dir: dir, Repair: repairTest, OnReady: func(r Ready) { fmt.Println("ready", r.started.Second()+60*r.started.Minute(), r.size) }})
	if err != nil {
		t.Fatal(err)
	}
	body := audio(1 << 20)
	for n := 0; ; n += 20 {
		parts := make([]*Part, 20)
		for i := range parts {
			parts[i] = create(t, s, n+i)
		}
		for at := 0; at < 60_000; at += 3000 {
			for _, p := range parts {
				write(t, p, body[at:at+3000])
				p.Flush()
			}
			if err := s.Flush(context.Background()); err != nil {
				t.Fatal(err)
			}
			for i := range parts {
				fmt.Println("flushed", n+i, at+3000)
			}
		}
		for i, p := range parts {
			switch i % 4 {
			case 0:
				p.Abandon()
				fmt.Println("abandoned", n+i, 0)
			case 1, 2:
				p.Commit(header(60_000), manifest(n+i))
			}
		}
	}
}

// TestKill9 kills a real process at random moments. What it said it had handed
// to the kernel is there, and what it announced is whole.
func TestKill9(t *testing.T) {
	body, said := audio(1<<20), 0
	for round := range 8 {
		dir := filepath.Join(t.TempDir(), "spool")
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWorker$")
		cmd.Env = append(os.Environ(), killDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Every other victim is left alone until its first word: on a busy machine none
		// would come that far.
		kill := func(after time.Duration) { time.AfterFunc(after, func() { _ = cmd.Process.Kill() }) }
		moment := time.Duration(30+rand.IntN(250)) * time.Millisecond
		if round%2 == 0 {
			kill(moment)
		} else {
			kill(time.Minute)
		}
		flushed, ready, abandoned := map[int]int{}, map[int]bool{}, map[int]bool{}
		begun := false
		for sc := bufio.NewScanner(out); sc.Scan(); {
			if !begun && round%2 == 1 {
				kill(moment)
			}
			begun = true
			var what string
			var n, size int
			if _, err := fmt.Sscan(sc.Text(), &what, &n, &size); err != nil {
				continue // the line that the kill cut
			}
			switch what {
			case "flushed":
				flushed[n] = size
			case "ready":
				ready[n] = true
			case "abandoned":
				abandoned[n] = true
			default:
				t.Fatal(sc.Text())
			}
		}
		said += len(flushed)
		_ = cmd.Wait() // killed, and says so
		s, in := openTest(t, dir, nil)
		found := map[int][]byte{}
		for _, r := range in.all() {
			n := r.started.Second() + 60*r.started.Minute()
			found[n] = content(t, r)
			if m, err := r.Manifest(); err != nil || (ready[n] && m.Interrupted) {
				t.Errorf("round %d: %d was announced: %+v, %v", round, n, m, err)
			}
		}
		for n, b := range found {
			if !bytes.Equal(b[:headerLen], header(len(b)-headerLen)) || !bytes.HasPrefix(body, b[headerLen:]) {
				t.Errorf("round %d: %d holds %d bytes that are not its own", round, n, len(b))
			}
		}
		for n, size := range flushed {
			if b, ok := found[n]; (!ok && !abandoned[n] && n%4 != 0) || (ok && len(b)-headerLen < size) {
				t.Errorf("round %d: %d has %d bytes, had flushed %d", round, n, len(b), size)
			}
		}
		if q := s.Stats().Quarantined; q != 0 {
			t.Errorf("round %d: %d files in quarantine", round, q)
		}
		closeTest(t, s)
	}
	if said == 0 {
		t.Error("no victim lived long enough to say anything")
	}
}

//go:build unix

package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const killDir = "STORE_TEST_KILL_DIR"

// TestKilledWriter is the process that TestKill9 kills: it says what was confirmed.
func TestKilledWriter(t *testing.T) {
	dir := os.Getenv(killDir)
	if dir == "" {
		t.Skip("this is the victim of TestKill9, which starts it")
	}
	ctx := context.Background()
	s, err := New(Config{Dir: dir})
	if err == nil {
		err = s.Connect(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		id := fmt.Sprint(n)
		if _, err := s.Create(ctx, user("acc", id), doc(`%d`, n)); err != nil {
			t.Fatal(err)
		}
		fmt.Println("created", n, "-")
		if n >= 10 {
			if err := s.Delete(ctx, user("acc", fmt.Sprint(n-10)), 0); err != nil {
				t.Fatal(err)
			}
			fmt.Println("deleted", n-10, "-")
		}
		if n%10 == 0 {
			secret, _, err := s.CreateToken(ctx, ScopeAdmin, "", id)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Println("token", n, secret)
			for i := range 20 {
				upsert(t, s, Recording{Account: "acc", ID: fmt.Sprint(n, "-", i), CallID: id, State: "spooled", Created: noon, Doc: doc(`%d`, n)})
			}
			if err := s.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			fmt.Println("flushed", n, "-")
		}
	}
}

// TestKill9 kills a real process while it writes. What it had confirmed is there.
func TestKill9(t *testing.T) {
	for round := range 4 {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
		cmd.Env = append(os.Environ(), killDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		created, deleted, tokens, flushed := map[int]bool{}, map[int]bool{}, map[string]int{}, map[int]bool{}
		killed := false
		for sc := bufio.NewScanner(out); sc.Scan(); {
			var what, secret string
			var n int
			if _, err := fmt.Sscan(sc.Text(), &what, &n, &secret); err != nil {
				continue // the line that the kill cut
			}
			switch what {
			case "created":
				created[n] = true
			case "deleted":
				deleted[n] = true
			case "token":
				if len(secret) == 43 {
					tokens[secret] = n
				}
			case "flushed":
				flushed[n] = true
			default:
				t.Fatal(sc.Text())
			}
			if !killed && len(created) >= 150+37*round {
				killed = true
				_ = cmd.Process.Kill()
			}
		}
		_ = cmd.Wait() // killed, and says so
		if !killed {
			t.Fatal("the writer ended by itself")
		}
		s := openTest(t, Config{Dir: dir})
		<-s.Loaded()
		for n := range created {
			d, err := s.Get(user("acc", fmt.Sprint(n)))
			switch {
			case deleted[n]:
				wantNotFound(t, err)
			case err == nil && string(d.Data) != fmt.Sprint(n):
				t.Errorf("round %d: %d is %s", round, n, d.Data)
			case err != nil && !created[n+10]: // its deletion may have been under way
				t.Errorf("round %d: %d: %v", round, n, err)
			}
		}
		for secret, n := range tokens {
			if tok, ok := s.Authenticate(secret); !ok || tok.Name != fmt.Sprint(n) {
				t.Errorf("round %d: token %d is lost: %+v", round, n, tok)
			}
		}
		for n := range flushed {
			if page, _, err := s.Recordings(t.Context(), Query{Account: "acc", CallID: fmt.Sprint(n), N: 100}); err != nil || len(page) != 20 {
				t.Errorf("round %d: %d recordings of %d, %v", round, len(page), n, err)
			}
			if !s.Used("acc", fmt.Sprint(n)) {
				t.Errorf("round %d: name %d is free again", round, n)
			}
		}
		if len(tokens) == 0 || len(flushed) == 0 {
			t.Error("nothing was confirmed: " + strings.TrimSpace(cmd.String()))
		}
		closeTest(t, s)
	}
}

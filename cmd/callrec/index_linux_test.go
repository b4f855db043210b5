package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callrec/internal/testkit"
	"callrec/internal/testkit/natstest"
	"callrec/upload/spool"
)

// leave makes n recordings of one call that cannot be delivered, and returns their ids
// when all are in a state.
func (s *shop) leave(n int, state string) (ids []string) {
	s.t.Helper()
	flow := `{"module":"none","data":{}}`
	for range n {
		flow = fmt.Sprintf(`{"module":"record_call","data":{"action":"start","format":"wav","url":"%s/down/"},"children":{"_":%s}}`, s.to, flow)
	}
	call := s.ask(201, "PUT", "accounts/acme/channels", `{"call_id":"c","flow":`+flow+`}`)
	for _, r := range call["recordings"].([]any) {
		ids = append(ids, r.(map[string]any)["id"].(string))
	}
	s.ask(200, "POST", "accounts/acme/channels/c", `{"action":"hangup"}`)
	for _, id := range ids {
		s.waitFor(id, state)
	}
	return ids
}

// shown is what the index says of a recording.
func (s *shop) shown(id string) (state, reason string) {
	s.t.Helper()
	if _, err := s.store.Recording(s.t.Context(), "acme", id); err != nil {
		return "", err.Error()
	}
	doc := s.ask(200, "GET", "accounts/acme/recordings/"+id, `{}`)
	state, _ = doc["state"].(string)
	reason, _ = doc["reason"].(string)
	return state, reason
}

func (s *shop) waitFor(id, want string) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		state, reason := s.shown(id)
		if state == want {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("%s is %s (%s), want %s", id, state, reason, want)
		}
	}
}

// goOn starts the worker anew on what it has left.
func (s *shop) goOn() {
	s.t.Helper()
	var err error
	if s.worker, err = startWorker(s.t.Context(), s.made, slog.New(slog.DiscardHandler)); err != nil {
		s.t.Fatal(err)
	}
}

// inSpool does something to what a stopped worker has left.
func (s *shop) inSpool(do func(ready map[string]spool.Ready)) {
	s.t.Helper()
	ready := map[string]spool.Ready{}
	sp, err := spool.Open(spool.Config{
		Dir: filepath.Join(s.made.data, "spool"), OnReady: func(r spool.Ready) { ready[r.ID()] = r }, OnSent: func(spool.Receipt) {},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	do(ready)
	if err := sp.Close(context.Background()); err != nil {
		s.t.Error(err)
	}
}

// What the index says after a start is what the spool says, whatever a crash has kept
// from it: delivered, parked, sent again, in quarantine, or nowhere, which only the owner of the
// index can tell.
func TestTheIndexFollowsTheSpool(t *testing.T) {
	for _, shared := range []bool{false, true} {
		t.Run(map[bool]string{false: "own index", true: "shared index"}[shared], func(t *testing.T) {
			testkit.CheckLeaks(t)
			s := openShop(t, func(c *workerConfig) {
				if shared {
					c.nats = natstest.Start(t).URL()
				}
			})
			ids := s.leave(5, "spooled")
			waits, parked, damaged, removed, sent := ids[0], ids[1], ids[2], ids[3], ids[4]
			s.close()
			s.inSpool(func(ready map[string]spool.Ready) {
				if err := ready[parked].Park(spool.Delivery{Tries: 3, LastError: "not wanted", Class: "permanent"}, "not wanted"); err != nil {
					t.Fatal(err)
				}
				if err := ready[sent].Done(); err != nil {
					t.Fatal(err)
				}
			})
			dir := filepath.Join(s.made.data, "spool")
			if err := os.WriteFile(filepath.Join(dir, damaged+".json"), []byte("nonsense"), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, ext := range []string{".json", ".wav"} {
				if err := os.Remove(filepath.Join(dir, removed+ext)); err != nil {
					t.Fatal(err)
				}
			}
			s.goOn()
			s.waitFor(sent, "delivered")
			for id, want := range map[string][2]string{
				waits:   {"spooled", ""},
				parked:  {"parked", "not wanted"},
				damaged: {"failed", "quarantine/" + damaged},
				removed: map[bool][2]string{false: {"failed", "no longer in the spool"}, true: {"spooled", ""}}[shared],
			} {
				if state, reason := s.shown(id); state != want[0] || !strings.Contains(reason, want[1]) {
					t.Errorf("%s is %s (%s), want %s", id, state, reason, want)
				}
			}

			// What is un-parked while no worker runs.
			s.close()
			folder, err := spool.Look(dir)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := folder.Unpark([]string{parked}); err != nil {
				t.Fatal(err)
			}
			s.goOn()
			s.waitFor(parked, "spooled")
			if _, reason := s.shown(parked); reason != "" {
				t.Errorf("it was parked because: %s", reason)
			}
			s.close()
			if left, err := filepath.Glob(filepath.Join(dir, "*.sent")); err != nil || len(left) > 0 {
				t.Errorf("receipts are left: %v, %v", left, err)
			}
		})
	}
}

// An operator's retry is seen in the index at once, and so is that it was in vain.
func TestTheIndexSeesARetry(t *testing.T) {
	testkit.CheckLeaks(t)
	s := openShop(t, func(c *workerConfig) { c.uploadKeep = 1 })
	id := s.leave(1, "parked")[0]
	s.close()
	s.made.uploadKeep = time.Hour
	s.goOn()
	s.waitFor(id, "parked")
	s.ask(200, "POST", "spool/parked/"+id, `{"action":"retry"}`)
	if state, reason := s.shown(id); state != "spooled" || reason != "" {
		t.Errorf("after a retry it is %s (%s)", state, reason)
	}
	s.close()
	s.made.uploadKeep = 1
	s.goOn()
	s.waitFor(id, "parked")
	if _, reason := s.shown(id); !strings.Contains(reason, "503") {
		t.Errorf("it is parked because: %s", reason)
	}
}

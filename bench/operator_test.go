package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"callrec/upload/spool"
)

// mailbox is a receiver that refuses everything until it is mended.
type mailbox struct {
	*httptest.Server
	mu     sync.Mutex
	mended bool
	tries  int
	bodies map[string][]byte // by recording id
	again  int               // recordings that came twice
}

func newMailbox(t *testing.T) *mailbox {
	m := &mailbox{bodies: map[string][]byte{}}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		m.mu.Lock()
		defer m.mu.Unlock()
		m.tries++
		if !m.mended || err != nil {
			http.NotFound(w, r)
			return
		}
		id := r.Header.Get("Idempotency-Key")
		if m.bodies[id] != nil {
			m.again++
		}
		m.bodies[id] = b
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *mailbox) mend() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mended = true
}

func (m *mailbox) received() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.bodies)
}

// said is what a command printed, and its exit code.
type said struct {
	code     int
	out, err string
}

// command runs callrec with arguments, without any token in its environment.
func command(t *testing.T, args ...string) said {
	t.Helper()
	name, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "CALLREC_") })
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return said{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// done wants the command to have succeeded, and returns what it printed.
func (s said) done(t *testing.T) string {
	t.Helper()
	if s.code != 0 || s.err != "" {
		t.Fatalf("exit %d\n%s%s", s.code, s.out, s.err)
	}
	return s.out
}

// parkedLine is what list --json says of one recording.
type parkedLine struct {
	ID      string `json:"id"`
	Account string `json:"account_id"`
	CallID  string `json:"call_id"`
	URL     string `json:"url"`
	Size    int64  `json:"size"`
	Class   string `json:"class"`
	Error   string `json:"error"`
	Tries   int    `json:"tries"`
}

func parkedList(t *testing.T, args ...string) (list []parkedLine) {
	t.Helper()
	out := command(t, append([]string{"spool", "list", "--json"}, args...)...).done(t)
	for line := range strings.Lines(out) {
		var p parkedLine
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		list = append(list, p)
	}
	return list
}

// spoolIsEmpty wants nothing left but the lock.
func spoolIsEmpty(t *testing.T, data string) {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(data, "spool"))
	for _, e := range left {
		if e.Name() != "lock" && err == nil {
			t.Errorf("the spool still holds %s", e.Name())
		}
	}
}

// parkingWorker keeps its admin token where commands can find it, and parks what
// fails once.
func parkingWorker(t *testing.T, data, ports string) *worker {
	t.Helper()
	tokenFile := filepath.Join(data, "my-token")
	if err := os.WriteFile(tokenFile, []byte("token-of-the-bench-admin\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := startWorkerWith(t, []string{"CALLREC_ADMIN_TOKEN="}, data, "--rtp-ports", ports, "--upload-keep", "1ns", "--admin-token-file", tokenFile)
	return w
}

// parkOne records a call whose receiver refuses it, and returns the file as it
// lies in the spool.
func parkOne(t *testing.T, w *worker, callID, url string) (id string, audio []byte) {
	t.Helper()
	call := w.announce(callID, map[string]any{"format": "wav", "url": url}, nil)
	id = call.Recordings[0].ID
	time.Sleep(300 * time.Millisecond)
	w.act(callID, "hangup")
	eventually(t, "the recording is parked", time.Minute, func() bool { return w.metric(`callrec_spool_recordings{state="parked"}`) >= 1 })
	audio, err := os.ReadFile(filepath.Join(w.data, "spool", id+".wav"))
	if err != nil {
		t.Fatal(err)
	}
	return id, audio
}

// stateOf is what the API says of a call's only recording.
func (w *worker) stateOf(callID string) string {
	a := w.do(http.MethodGet, "/channels/"+callID, nil)
	if len(a.Data.Recordings) != 1 {
		w.t.Fatalf("%s: %d %s", callID, a.Code, a.Raw)
	}
	return a.Data.Recordings[0].State
}

func (m *mailbox) triesSoFar() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tries
}

// fastDir is a folder where syncing a thousand files costs little.
func fastDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "callrec-bench")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

type made struct {
	id    string
	audio []byte
}

// parkMany leaves parked recordings behind, as an earlier worker would.
func parkMany(t *testing.T, data string, n int, url string) (all []made) {
	t.Helper()
	var ready []spool.Ready
	var mu sync.Mutex
	s, err := spool.Open(spool.Config{Dir: filepath.Join(data, "spool"), OnReady: func(r spool.Ready) {
		mu.Lock()
		defer mu.Unlock()
		ready = append(ready, r)
	}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		m := spool.Manifest{
			ID: fmt.Sprintf("202611-%032x", i*7919), Ext: "wav", Account: "acc", CallID: fmt.Sprint("call-", i), ContentType: "audio/x-wav",
			Destination: spool.Destination{URL: url, Name: spool.ObjectName(fmt.Sprint("call-", i), "", "wav")},
			Started:     time.Now().Add(-200 * time.Hour), Rate: 8000, Channels: 1,
		}
		audio := bytes.Repeat([]byte(m.ID), 1+i%50)
		p, err := s.Create(m, nil)
		if err == nil {
			err = p.Write(audio)
		}
		if err != nil {
			t.Fatal(err)
		}
		p.Commit(nil, m)
		all = append(all, made{m.ID, audio})
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range ready {
		if err := r.Park(spool.Delivery{Tries: 900, LastError: "no route to host", Class: "retry"}, "not delivered within 168h0m0s: no route to host"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return all
}

package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// long reports whether the long versions of tests shall run.
func long() bool { return os.Getenv("CALLREC_LONG") == "1" }

// binary builds callrec once for all tests of this package.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "callrec-bench")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "callrec")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", name, "callrec/cmd/callrec")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return name, nil
})

func TestMain(m *testing.M) {
	// These tests mostly wait, for calls to last as long as calls do, so more of
	// them than there are cores run at once. The command line still wins.
	_ = flag.Set("test.parallel", "8") // it exists
	code := m.Run()
	if name, err := binary(); err == nil && code >= 0 {
		_ = os.RemoveAll(filepath.Dir(name))
	}
	os.Exit(code)
}

// worker is a running `callrec serve`.
type worker struct {
	t    testing.TB
	cmd  *exec.Cmd
	data string // its --data

	account string // of requests
	api     string // host:port
	ops     string
	token   string
	log     *logBuffer
	opened  chan [2]string // api and ops, once
	ended   chan error
}

// logBuffer keeps what the worker logs, for when a test fails.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) add(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Write(line)
	l.buf.WriteByte('\n')
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// startWorker runs the worker with a data folder and ports on loopback; extra
// flags come last and win. It is stopped, if the test has not, at the end.
func startWorker(t testing.TB, data string, flags ...string) *worker {
	t.Helper()
	return startWorkerWith(t, nil, data, flags...)
}

// startWorkerWith also sets variables of its environment, which win.
func startWorkerWith(t testing.TB, env []string, data string, flags ...string) *worker {
	t.Helper()
	w := launchWorker(t, env, data, flags...)
	w.awaitReady(20 * time.Second)
	return w
}

// launchWorker does not wait until it is ready.
func launchWorker(t testing.TB, env []string, data string, flags ...string) *worker {
	t.Helper()
	name, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{
		t: t, data: data, account: "acc", token: "token-of-the-bench-admin", log: &logBuffer{},
		opened: make(chan [2]string, 1), ended: make(chan error, 1),
	}
	args := append([]string{
		"serve", "--data", data, "--http", "127.0.0.1:0", "--ops", "127.0.0.1:0",
		"--rtp-address", "127.0.0.1", "--allow-target", "127.0.0.0/8", "--log-format", "json",
	}, flags...)
	w.cmd = exec.Command(name, args...)
	w.cmd.Env = append(append(os.Environ(), "CALLREC_ADMIN_TOKEN="+w.token), env...)
	stderr, err := w.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			w.log.add(lines.Bytes())
			var l struct{ Msg, HTTP, Ops string }
			if json.Unmarshal(lines.Bytes(), &l) == nil && l.Msg == "ready" {
				w.opened <- [2]string{l.HTTP, l.Ops}
			}
		}
		w.ended <- w.cmd.Wait()
	}()
	t.Cleanup(func() {
		w.kill()
		if t.Failed() {
			t.Logf("the worker's log:\n%s", tail(w.log.String(), 4000))
		}
	})
	return w
}

// awaitReady waits until the worker says that it is ready, and where.
func (w *worker) awaitReady(within time.Duration) {
	w.t.Helper()
	select {
	case addrs := <-w.opened:
		w.api, w.ops = addrs[0], addrs[1]
	case err := <-w.ended:
		w.ended <- err
		w.t.Fatalf("the worker ended at once: %v\n%s", err, w.log)
	case <-time.After(within):
		w.t.Fatalf("the worker is not ready after %v\n%s", within, w.log)
	}
}

func tail(s string, n int) string {
	if len(s) > n {
		s = "…" + s[len(s)-n:]
	}
	return s
}

// terminate sends SIGTERM and waits for a clean exit.
func (w *worker) terminate(within time.Duration) {
	w.t.Helper()
	_ = w.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-w.ended:
		w.ended <- err
		if err != nil {
			w.t.Errorf("the worker ended with %v", err)
		}
	case <-time.After(within):
		w.t.Fatalf("the worker has not ended %v after SIGTERM", within)
	}
}

// kill is kill -9.
func (w *worker) kill() {
	_ = w.cmd.Process.Kill()
	err := <-w.ended
	w.ended <- err
}

// answer is what the API answers, as far as tests look at it.
type answer struct {
	Code    int             `json:"-"`
	Status  string          `json:"status"`
	Error   string          `json:"error"`
	Message string          `json:"message"`
	Raw     json.RawMessage `json:"data"`
	Data    callData        `json:"-"`
	Next    string          `json:"next_start_key"` // of a list
}

// callData is a channel, as far as tests look at it.
type callData struct {
	CallID string `json:"call_id"`
	State  string `json:"state"`
	SDP    string `json:"sdp"`
	Legs   []struct {
		Leg      string `json:"leg"`
		Address  string `json:"address"`
		RTPPort  int    `json:"rtp_port"`
		RTCPPort int    `json:"rtcp_port"`
	} `json:"legs"`
	Recordings []recordingData `json:"recordings"`
	Warnings   []string        `json:"warnings"`
}

// recordingData is one of its recordings.
type recordingData struct {
	ID         string    `json:"id"`
	Origin     string    `json:"origin"`
	State      string    `json:"state"`
	Reason     string    `json:"reason"`
	MediaName  string    `json:"media_name"`
	Started    time.Time `json:"started"`
	DurationMS int64     `json:"duration_ms"` // once it has ended
}

// client keeps its connections, like an SBC's.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second}

// do is try, by the test's own goroutine.
func (w *worker) do(method, path string, data any) answer {
	w.t.Helper()
	a, err := w.try(method, path, data)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// try sends data to a path under the account and decodes the answer.
func (w *worker) try(method, path string, data any) (answer, error) {
	var body io.Reader
	if data != nil {
		b, err := json.Marshal(map[string]any{"data": data})
		if err != nil {
			return answer{}, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, "http://"+w.api+"/v2/accounts/"+w.account+path, body)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("X-Auth-Token", w.token)
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	a := answer{Code: resp.StatusCode}
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	_ = json.Unmarshal(a.Raw, &a.Data) // a list, or an error's data, is another shape
	return a, nil
}

// announce makes a call with one recording of the given settings.
func (w *worker) announce(callID string, settings map[string]any, more map[string]any) callData {
	w.t.Helper()
	data := map[string]any{"call_id": callID, "from": "1001@acme.example", "to": "1002@acme.example"}
	if settings != nil {
		settings["action"] = "start"
		data["flow"] = map[string]any{"module": "record_call", "data": settings}
	}
	for k, v := range more {
		data[k] = v
	}
	a := w.do(http.MethodPut, "/channels", data)
	if a.Code != http.StatusCreated {
		w.t.Fatalf("announcing %s: %d %s", callID, a.Code, a.Raw)
	}
	return a.Data
}

// act posts an action on a call: answer, bridge, hangup, …
func (w *worker) act(callID, action string) callData {
	w.t.Helper()
	a := w.do(http.MethodPost, "/channels/"+url.PathEscape(callID), map[string]any{"action": action})
	if a.Code != http.StatusOK {
		w.t.Fatalf("%s of %s: %d %s", action, callID, a.Code, a.Raw)
	}
	return a.Data
}

// stored waits until a recording is in the default storage, and returns its path.
func (w *worker) stored(id string, within time.Duration) string {
	w.t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(50 * time.Millisecond) {
		found, err := filepath.Glob(filepath.Join(w.data, "recordings", "acc", "*", "*", "*", id+".*"))
		if err != nil {
			w.t.Fatal(err)
		}
		// The JSON beside the audio is written last.
		var audio string
		complete := false
		for _, f := range found {
			if strings.HasSuffix(f, ".json") {
				complete = true
			} else {
				audio = f
			}
		}
		if complete && audio != "" {
			return audio
		}
		if time.Now().After(end) {
			w.t.Fatalf("recording %s is not stored after %v; found %v", id, within, found)
		}
	}
}

// metric reads one figure from /metrics, by its name with labels.
func (w *worker) metric(name string) float64 {
	w.t.Helper()
	f, ok := w.metrics()[name]
	if !ok {
		w.t.Fatalf("no metric %s", name)
	}
	return f
}

// metrics reads all of /metrics, by name with labels.
func (w *worker) metrics() map[string]float64 {
	w.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+w.ops+"/metrics", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	all := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		at := strings.LastIndexByte(lines.Text(), ' ')
		if v, err := strconv.ParseFloat(lines.Text()[at+1:], 64); err == nil && at > 0 {
			all[lines.Text()[:at]] = v
		}
	}
	return all
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, within time.Duration, is func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

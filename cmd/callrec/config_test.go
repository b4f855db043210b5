package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"callrec/internal/testkit"
)

// failing runs a command line that should fail, and returns what it says.
func failing(t *testing.T, wantExit int, args ...string) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = f
	exit := run(args)
	os.Stderr = stderr
	_ = f.Close()
	if exit != wantExit {
		t.Errorf("%v: exit %d, want %d", args, exit, wantExit)
	}
	said, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(said)
}

// TestWrongUsage: exit 2, and every fault is named at once.
func TestWrongUsage(t *testing.T) {
	data := t.TempDir()
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"demo", "--nonsense"}, []string{"--nonsense"}},
		{[]string{"demo", "--format", "ogg"}, []string{"--format", "wav"}},
		{[]string{"serve", "--rtp-ports", "x"}, []string{"--rtp-ports", `"x"`}},
		{[]string{"serve", "--rtp-ports", "18001-18004"}, []string{"--rtp-ports", "18001-18004 holds 1 pairs"}},
		{
			[]string{"serve", "--rtp-ports", "9-1", "--storage", "ftp://h/", "--hold", "0s", "--tls-cert", "a.pem", "--media-timeout=-1s", "--http", "0.0.0.0:80"},
			[]string{"--rtp-ports", "--storage", "--hold", "--tls-key belong together", "--media-timeout"},
		},
		{[]string{"serve", "--max-busy", "101", "--max-memory=-1"}, []string{"--max-busy 101", "--max-memory -1"}},
		{[]string{"serve", "--http", "0.0.0.0:80"}, []string{"--http-insecure"}},
		{[]string{"serve", "--http", "8000", "--ops", "localhost"}, []string{`--http: want ADDR:PORT, like 127.0.0.1:8000, got "8000"`, `--ops: want ADDR:PORT, like 127.0.0.1:9090, or nothing, got "localhost"`}},
		{[]string{"serve", "--shards", "many"}, []string{"--shards"}},
		{[]string{"serve", "--data", data, "--storage", "https://h/", "--storage-keep", "1h"}, []string{"--storage-keep", "folder"}},
		{[]string{"serve", "--data", data, "--upload-ca", data + "/none"}, []string{"--upload-ca"}},
		{[]string{"serve", "--data", data, "--allow-target", "s3://B"}, []string{"--allow-target", "bucket"}},
		{[]string{"nothing"}, []string{"nothing"}},
		{nil, []string{"serve"}},
	} {
		said := failing(t, exitUsage, c.args...)
		for _, want := range c.says {
			if !strings.Contains(said, want) {
				t.Errorf("%v: nothing of %s in\n%s", c.args, want, said)
			}
		}
	}
}

// TestSources: a flag goes before the environment, that before the file, and
// that before the default.
func TestSources(t *testing.T) {
	file := filepath.Join(t.TempDir(), "callrec.yaml")
	text := "hold: 4s\nsource-timeout: 6s\nrtp-ports: 30000-30099\nallow-target: [10.0.0.0/8, receiver.example]\nrtp-allow: 192.0.2.0/24\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CALLREC_HOLD", "3s")
	t.Setenv("CALLREC_SOURCE_TIMEOUT", "7s")
	t.Setenv("CALLREC_MP3_BITRATE", "48")
	var c cli
	parser := newParser(t.Context(), &c, func(int) {})
	if _, err := parser.Parse([]string{"serve", "--config", file, "--hold", "2s"}); err != nil {
		t.Fatal(err)
	}
	s := c.Serve
	if s.Hold != 2*time.Second {
		t.Errorf("flag, environment and file: %v, want the flag's", s.Hold)
	}
	if s.SourceTimeout != 7*time.Second {
		t.Errorf("environment and file: %v, want the environment's", s.SourceTimeout)
	}
	if s.RTPPorts != "30000-30099" || len(s.AllowTarget) != 2 || s.AllowTarget[1] != "receiver.example" || len(s.RTPAllow) != 1 {
		t.Errorf("the file alone: %q, %v, %v", s.RTPPorts, s.AllowTarget, s.RTPAllow)
	}
	if s.MP3Bitrate != 48 || s.UploadKeep != 168*time.Hour {
		t.Errorf("the environment alone: %d; nothing: %v", s.MP3Bitrate, s.UploadKeep)
	}
}

// TestBadFile: what the file cannot mean is refused before anything starts.
func TestBadFile(t *testing.T) {
	for text, want := range map[string][]string{
		"hold: 1s\nhodl: 2s\nrtp_ports: 1-2\n": {"hodl, rtp_ports"},
		"hold: [\n":                            {"configuration file"},
		"hold: soon\n":                         {"--hold", "soon"},
		"rtp-ports: x\n":                       {"--rtp-ports"},
	} {
		file := filepath.Join(t.TempDir(), "callrec.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		said := failing(t, exitUsage, "serve", "--config", file)
		for _, w := range want {
			if !strings.Contains(said, w) {
				t.Errorf("%q: nothing of %s in\n%s", text, w, said)
			}
		}
	}
	failing(t, exitUsage, "serve", "--config", filepath.Join(t.TempDir(), "none.yaml"))
}

// lockedBuffer is where a logger of several goroutines can write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// TestAdminToken: the first start makes it, for the owner's eyes alone; later
// ones keep it; the API wants it; and no log ever holds it.
func TestAdminToken(t *testing.T) {
	testkit.CheckLeaks(t)
	var log lockedBuffer
	data := t.TempDir()
	var tokens [2]string
	for i := range tokens {
		cfg, err := demoWorker(data, "127.0.0.1:9")
		if err != nil {
			t.Fatal(err)
		}
		w, err := startWorker(t.Context(), cfg, slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(data, "admin-token")
		if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 || w.tokenPlace != file {
			t.Errorf("the token is in %s: %v, %v", w.tokenPlace, st, err)
		}
		if tokens[i], err = tokenAt(w.tokenPlace); err != nil || len(tokens[i]) < 20 {
			t.Errorf("the token has %d characters, %v", len(tokens[i]), err)
		}
		for token, want := range map[string]int{tokens[i]: http.StatusOK, "": http.StatusUnauthorized, tokens[i] + "x": http.StatusUnauthorized} {
			if got := listCalls(t, w.apiAddr, token); got != want {
				t.Errorf("with a token of %d characters: %d, want %d", len(token), got, want)
			}
		}
		stopped, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.stop(stopped); err != nil {
			t.Error(err)
		}
	}
	if tokens[0] != tokens[1] {
		t.Error("the second start made another token")
	}
	if said := log.b.String(); strings.Contains(said, tokens[0]) || !strings.Contains(said, "admin-token") {
		t.Errorf("the log should tell the place of the token and nothing more of it:\n%s", said)
	}
}

func listCalls(t *testing.T, api, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+api+"/v2/accounts/a/channels", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", token)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// TestTokenFiles: a token that is given is used as it is, and one that is not
// fit to be one is refused with its flag.
func TestTokenFiles(t *testing.T) {
	dir := t.TempDir()
	short := filepath.Join(dir, "short")
	if err := os.WriteFile(short, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{short, filepath.Join(dir, "none")} {
		_, _, err := adminToken(file, dir)
		if err == nil || !strings.Contains(err.Error(), "--admin-token-file") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", file, err)
		}
	}
	t.Setenv("CALLREC_ADMIN_TOKEN", "15 characters..")
	if _, _, err := adminToken("", dir); err == nil || !strings.Contains(err.Error(), "CALLREC_ADMIN_TOKEN has 15 characters, want at least 16") {
		t.Errorf("a short token in the environment: %v", err)
	}
	t.Setenv("CALLREC_ADMIN_TOKEN", "from the environment")
	if _, where, err := adminToken(short, dir); where != "CALLREC_ADMIN_TOKEN" || err != nil {
		t.Errorf("the environment goes first, not %s, %v", where, err)
	}
}

package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"callrec/internal/testkit"
)

// shortDemo is a demo of three seconds, in which both parties speak.
func shortDemo(out io.Writer) demo {
	const from, to = 5 * telephony, 8 * telephony
	return demo{
		format: "wav", speech: [2][]byte{callerSpeech[from:to], calleeSpeech[from:to]},
		log: slog.New(slog.DiscardHandler), show: &screen{w: out, width: 80, utf8: true},
	}
}

// TestDemo: it ends well, says what it should, and leaves two files and nothing
// else: no goroutine, no open file, no folder of the worker's.
func TestDemo(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	testkit.CheckLeaks(t)
	var out bytes.Buffer
	d := shortDemo(&out)
	if err := d.run(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{
		`worker +API on 127\.0\.0\.1:\d+, RTP on ports \d+-\d+\n`,
		`receiver +HTTP PUT on 127\.0\.0\.1:\d+\n`,
		`announced +call demo-\d{6}: caller to port \d+, callee to \d+\n`,
		`answered +2 recordings are armed`,
		`bridged +2 recordings are recording`,
		`talking +2\.\d of 3\.0 s, +2\d\d packets, (caller speaks|both speak|nobody speaks)\n`,
		`talking +3\.0 of 3\.0 s, +300 packets, .*\n`,
		`delivered +2 files`,
		`\n  WAV mono, 8000 Hz, 3\.\d{3} s, 5\d,\d{3} bytes: both parties mixed\n`,
		`\n  WAV stereo, 8000 Hz, 3\.\d{3} s, \d{2,3},\d{3} bytes: caller left, callee right\n`,
		`\n  caller  [ ▁▂▃▄▅▆▇█]+█[ ▁▂▃▄▅▆▇█]*\n  callee  [ ▁▂▃▄▅▆▇]+\n`,
		`\n  caller  speaks for \d\.\d s at -\d\d\.\d dBFS RMS, peak -\d\.\d dBFS\n  callee  speaks`,
		`\n  caller +150 +0 +0 +0 +0 .* ms .* ppm\n  callee +150 +0 `,
		`\n  PUT /recordings/call_recording_demo-\d{6}\.wav\?from=1001%40demo\.example`,
		`\n  Content-Length: \d+\n  Repr-Digest: sha-256=:\S{44}:\n`,
		`Every sample accounted for:.*\n24,000 samples each`,
		`\nNext: callrec serve --help\n$`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no %q", want)
		}
	}
	for _, line := range strings.Split(out.String(), "\n") {
		if len([]rune(line)) > 79 && !strings.HasPrefix(line, "  "+tmp) {
			t.Errorf("longer than the screen is wide: %q", line)
		}
	}
	if strings.Contains(out.String(), "\x1b") || strings.Contains(out.String(), "\r") {
		t.Error("there are controls in what goes to no terminal")
	}
	left, _ := filepath.Glob(filepath.Join(tmp, "*"))
	files, _ := filepath.Glob(filepath.Join(d.out, "call_recording_demo-*.wav"))
	if len(left) != 1 || left[0] != d.out || len(files) != 2 {
		t.Errorf("it left %v, of them the files %v", left, files)
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

// TestDemoInterrupted: Ctrl-C in mid-call leaves nothing at all.
func TestDemoInterrupted(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	testkit.CheckLeaks(t)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	d := shortDemo(io.Discard)
	if err := d.run(ctx); err == nil {
		t.Error("it says that it ended well")
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}

// TestDemoRefuses: what cannot work says so at once, and names the flag.
func TestDemoRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d := shortDemo(io.Discard)
	d.out = file
	if err := d.run(t.Context()); err == nil || !strings.Contains(err.Error(), "--out") {
		t.Errorf("a file for a folder: %v", err)
	}
}

// brokenPipe is what a reader leaves that has gone away.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestScreenKeepsTheFirstError(t *testing.T) {
	s := &screen{w: brokenPipe{}, width: 80}
	s.title("one")
	if s.err == nil {
		t.Error("a write that failed is forgotten")
	}
}

// TestReceiver: it stores what is whole, once, and refuses the rest.
func TestReceiver(t *testing.T) {
	testkit.CheckLeaks(t)
	dir := t.TempDir()
	r, err := startReceiver(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.stop()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	put := func(method, path, digest string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+r.addr+path, strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Repr-Digest", digest)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	const right = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:"
	for _, c := range []struct {
		method, path, digest string
		want                 int
	}{
		{"PUT", "/recordings/../a.wav", right, http.StatusCreated},
		{"PUT", "/recordings/a.wav", right, http.StatusConflict},
		{"PUT", "/recordings/b.wav", strings.Replace(right, "L", "M", 1), http.StatusBadRequest},
		{"POST", "/recordings/c.wav", right, http.StatusMethodNotAllowed},
	} {
		if got := put(c.method, c.path, c.digest); got != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, got, c.want)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "a.wav")); string(b) != "hello" {
		t.Errorf("a.wav holds %q, %v", b, err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 || len(r.all()) != 1 {
		t.Errorf("stored %v", files)
	}
	if err := r.wait(t.Context(), 2); err == nil || !strings.Contains(err.Error(), "refused PUT /recordings/a.wav") {
		t.Errorf("who waits is not told of the refusal: %v", err)
	}
}

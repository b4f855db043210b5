package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callrec/recording"
)

func happened(account, name string, rec *recording.Info) recording.Event {
	id := recording.CallID{Account: account, Call: "c1"}
	return recording.Event{At: clock, Call: id, Name: name, Detail: "caller", Recording: rec, Spec: recording.CallSpec{ID: id, OtherLegCallID: "c2"}}
}

// listen opens the stream in a bubble of time and returns its text line by line.
func listen(t *testing.T, d *door) (*bufio.Scanner, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, acme+"/events", nil)
	r.Header.Set("X-Auth-Token", token)
	in, out := io.Pipe()
	go func() {
		w := &pipeWriter{header: http.Header{}, out: out, limit: true}
		d.ServeHTTP(w, r)
		if w.limit {
			t.Error("the server would cut a client off that says nothing")
		}
		_ = out.Close()
	}()
	lines := bufio.NewScanner(in)
	expect(t, lines, ": listening", "")
	return lines, cancel
}

// pipeWriter is a response as the client reads it.
type pipeWriter struct {
	header http.Header
	out    *io.PipeWriter
	limit  bool // there is one for reading
}

func (w *pipeWriter) SetReadDeadline(t time.Time) error {
	w.limit = !t.IsZero()
	return nil
}

func (w *pipeWriter) Header() http.Header         { return w.header }
func (w *pipeWriter) WriteHeader(int)             {}
func (w *pipeWriter) Write(b []byte) (int, error) { return w.out.Write(b) }
func (w *pipeWriter) Flush()                      {}

func expect(t *testing.T, lines *bufio.Scanner, want ...string) {
	t.Helper()
	for _, w := range want {
		if !lines.Scan() {
			t.Fatalf("the stream ends, want %q", w)
		}
		if got := lines.Text(); got != w {
			t.Fatalf("%q, want %q", got, w)
		}
	}
}

func TestEvents(t *testing.T) {
	d := newDoor(t)
	synctest.Test(t, func(t *testing.T) {
		lines, cancel := listen(t, d)
		defer cancel()
		d.feed.Publish(happened("other", "answered", nil))
		d.feed.Publish(happened("acme", "answered", nil))
		expect(t, lines, "event: channel",
			`data: {"version":1,"name":"channel.answered","at":"2026-11-23T08:30:00.250Z","account_id":"acme","call_id":"c1","other_leg_call_id":"c2","detail":"caller"}`, "")
		d.feed.Publish(happened("acme", "spooled", &recording.Info{ID: "r1", Origin: "callflow : x", State: recording.Spooled, MediaName: "m", Format: "wav", URL: "http://hidden/", Length: time.Second}))
		expect(t, lines, "event: recording",
			`data: {"version":1,"name":"recording.spooled","at":"2026-11-23T08:30:00.250Z","account_id":"acme","call_id":"c1","other_leg_call_id":"c2","detail":"caller",`+
				`"recording":{"id":"r1","origin":"callflow : x","state":"spooled","media_name":"m","format":"wav","duration_ms":1000}}`, "")
		start := time.Now()
		expect(t, lines, ": alive", "", ": alive", "")
		if got := time.Since(start); got != 30*time.Second {
			t.Errorf("two heartbeats in %v", got)
		}
		d.feed.Close()
		expect(t, lines, ": the worker is stopping", "")
		if lines.Scan() {
			t.Errorf("more: %q", lines.Text())
		}
		if status, _, h := d.send(t, "GET", acme+"/events", ""); status != 503 || h.Get("Retry-After") == "" {
			t.Errorf("after it: %d", status)
		}
	})
}

// A client that does not read loses the stream; nobody else waits for it.
func TestSlowListener(t *testing.T) {
	d := newDoor(t)
	synctest.Test(t, func(t *testing.T) {
		lines, cancel := listen(t, d)
		defer cancel()
		for range 400 {
			d.feed.Publish(happened("acme", "answered", nil))
		}
		n := 0
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "data: ") {
				n++
			} else if lines.Text() == ": too slow, events were lost" {
				n += 1000
			}
		}
		if n < 1256 || n > 1258 {
			t.Errorf("%d: want some 256 events and the word that there were more", n)
		}
	})
}

// Who goes is forgotten.
func TestListenerGoes(t *testing.T) {
	d := newDoor(t)
	synctest.Test(t, func(t *testing.T) {
		for range 300 { // more than may listen at once
			lines, cancel := listen(t, d)
			cancel()
			if lines.Scan() {
				t.Fatalf("%q", lines.Text())
			}
		}
	})
}

// Over a real connection the stream outlives the server's limit for answers.
func TestEventsOverHTTP(t *testing.T) {
	d := newDoor(t)
	server := httptest.NewUnstartedServer(d)
	server.Config.WriteTimeout = 1 // over before the first word
	server.Start()
	defer server.Close()
	defer d.feed.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+acme+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", token)
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("%d %s", resp.StatusCode, got)
	}
	lines := bufio.NewScanner(resp.Body)
	expect(t, lines, ": listening", "")
	d.feed.Publish(happened("acme", "ended", nil))
	expect(t, lines, "event: channel")
	if !lines.Scan() || !json.Valid([]byte(strings.TrimPrefix(lines.Text(), "data: "))) {
		t.Errorf("%q", lines.Text())
	}
}

package httpapi_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"callrec/capture"
	"callrec/control"
	"callrec/control/controltest"
	"callrec/control/httpapi"
	"callrec/recording"
)

const token = "s3cret-admin-token"

// clock is when everything in these tests happens.
var clock = time.Date(2026, 11, 23, 8, 30, 0, 250e6, time.UTC)

// fake keeps calls the way the manager does, as far as a door can see.
type fake struct {
	mu       sync.Mutex
	calls    map[recording.CallID]*recording.CallInfo
	order    []recording.CallID
	commands []recording.Command // that succeeded
	started  int
	now      time.Time     // of the door; the zero time is clock
	warnings []string      // of every command
	late     time.Duration // likewise
	err      error         // what every command and announcement fails with
	panics   bool
	spool    fakeSpool
}

func (f *fake) Announce(_ context.Context, c recording.CallSpec) (recording.CallInfo, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.panics {
		panic("boom")
	}
	if f.err != nil {
		return recording.CallInfo{}, false, f.err
	}
	if old, ok := f.calls[c.ID]; ok {
		a, b := old.Spec, c
		a.At, b.At = time.Time{}, time.Time{}
		a.Start, b.Start, a.Flow, b.Flow = nil, nil, nil, nil
		a.Decided, b.Decided, a.DecidedFlow, b.DecidedFlow = nil, nil, nil, nil
		if !reflect.DeepEqual(a, b) {
			return recording.CallInfo{}, false, &recording.ConflictError{ID: c.ID}
		}
		return *old, false, nil
	}
	info := &recording.CallInfo{Spec: c, State: "early"}
	f.start(info, c.Decided)
	f.start(info, c.Start)
	f.calls[c.ID] = info
	f.order = append(f.order, c.ID)
	return f.run(info, slices.Concat(c.Flow, c.DecidedFlow)), true, nil
}

// run carries out a flow: what follows a record_caller follows at once.
func (f *fake) run(info *recording.CallInfo, flow recording.Flow) recording.CallInfo {
	var missed []string
	for _, n := range flow {
		switch {
		case n.Start != nil:
			f.start(info, []recording.Request{*n.Start})
			missed = append(missed, f.run(info, n.Start.Then).Missed...)
		case len(info.Recordings) == 0:
			missed = append(missed, n.Path)
		default:
			info.Recordings[len(info.Recordings)-1].State = recording.Finishing
		}
	}
	out := *info
	out.Missed = missed
	return out
}

func (f *fake) start(info *recording.CallInfo, requests []recording.Request) {
	for _, r := range requests {
		f.started++
		info.Recordings = append(info.Recordings, recording.Info{
			ID: fmt.Sprintf("202611-%032x", f.started), Origin: r.Origin, State: recording.Recording,
			MediaName: fmt.Sprintf("%032x.wav", f.started), Format: "wav", Rate: 8000, Channels: 1, Started: clock, Owner: r.Owner, Caller: r.CallerOnly,
		})
	}
	if len(requests) == 0 || info.Legs != nil {
		return
	}
	legs := info.Spec.Legs
	if legs == nil {
		legs = []recording.LegSpec{{Leg: recording.Caller}, {Leg: recording.Callee}}
	}
	for i, l := range legs {
		rtp := uint16(20000 + 2*i)
		info.Legs = append(info.Legs, recording.LegInfo{
			Leg: l.Leg, Label: l.Label,
			Ports: capture.Ports{Addr: netip.MustParseAddr("192.0.2.20"), RTP: rtp, RTCP: rtp + 1},
		})
	}
}

func (f *fake) Do(_ context.Context, id recording.CallID, c recording.Command) (recording.CallInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return recording.CallInfo{}, f.err
	}
	info, ok := f.calls[id]
	if !ok {
		return recording.CallInfo{}, &recording.NotFoundError{What: "call", Name: id.Call}
	}
	switch c.Action {
	case recording.Answer:
		info.State = "answered"
	case recording.Bridge:
		info.State = "bridged"
	case recording.Hangup:
		info.State = "ended"
	case recording.Transfer:
		info.Spec.Parties[c.Leg] = c.Party
	case recording.Update:
		info.Spec = info.Spec.Told(&c.Change)
		if c.Change.Offer != "" {
			info.Spec.Offer = c.Change.Offer
			info.Revision++
		}
	case recording.Start:
		f.start(info, c.Start)
	case recording.RunFlow:
		f.commands = append(f.commands, c)
		return f.run(info, c.Flow), nil
	case recording.Stop, recording.Mask, recording.Unmask, recording.Toggle:
		if len(info.Recordings) == 0 || c.Recording == "nope" {
			return recording.CallInfo{}, &recording.NotFoundError{What: "recording", Name: c.Recording}
		}
		last := &info.Recordings[len(info.Recordings)-1]
		last.State = recording.Masked
		if c.Action == recording.Stop {
			last.State, last.Length, last.Quality = recording.Spooled, 1500*time.Millisecond, &recording.Quality{}
		}
	}
	f.commands = append(f.commands, c)
	out := *info
	out.Warnings, out.Late = f.warnings, f.late
	return out, nil
}

func (f *fake) Info(id recording.CallID) (recording.CallInfo, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if info, ok := f.calls[id]; ok {
		return *info, true
	}
	return recording.CallInfo{}, false
}

func (f *fake) Calls(account string) []recording.CallInfo {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []recording.CallInfo
	for _, id := range f.order {
		if id.Account == account && f.calls[id].State != "ended" {
			out = append(out, *f.calls[id])
		}
	}
	return out
}

// door is the handler under test with its fake.
type door struct {
	http.Handler
	*fake
	kept *controltest.Memory
	feed *control.Feed
	log  *bytes.Buffer
}

func newFake() *fake { return &fake{calls: make(map[recording.CallID]*recording.CallInfo)} }

func newDoor(t testing.TB) *door {
	t.Helper()
	d := &door{fake: newFake(), log: new(bytes.Buffer)}
	c := config(d.fake, d.log)
	c.Now = func() time.Time {
		if d.now.IsZero() {
			return clock
		}
		return d.now
	}
	d.kept, d.feed = controltest.New(), control.NewFeed()
	c.Documents, c.Tokens, c.Index, c.Audio, c.Feed = d.kept, d.kept, d.kept, d.kept, d.feed
	h, err := httpapi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	d.Handler = h
	return d
}

func config(f *fake, log io.Writer) httpapi.Config {
	kept := controltest.New()
	return httpapi.Config{
		Recorder: f, Documents: kept, Tokens: kept, Index: kept, Spool: &f.spool, TokenHash: sha256.Sum256([]byte(token)), Log: textLog(log),
		Version: "0.1.0", Node: "rec1", Now: func() time.Time { return clock }, Hold: time.Second,
		Defaults: recording.Defaults{CheckURL: func(url string) error {
			if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
				return fmt.Errorf("only http here")
			}
			return nil
		}},
	}
}

// send makes a request with the token and returns the answer.
func (d *door) send(t testing.TB, method, path, body string, header ...string) (int, map[string]any, http.Header) {
	t.Helper()
	w := d.exchange(t, method, path, body, header...)
	if bytes.Contains(w.Body.Bytes(), []byte(token)) {
		t.Errorf("the answer holds the token: %s", w.Body)
	}
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%s %s: %d, not JSON: %q", method, path, w.Code, w.Body)
	}
	return w.Code, out, w.Header()
}

// raw is send for answers that need not be JSON, without a body.
func (d *door) raw(t testing.TB, method, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	return d.exchange(t, method, path, "", header...)
}

func (d *door) exchange(t testing.TB, method, path, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, bytes.NewReader([]byte(body)))
	r.Header.Set("X-Auth-Token", token)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

// must is send for what has to succeed; it returns the data.
func (d *door) must(t testing.TB, status int, method, path, body string) map[string]any {
	t.Helper()
	got, out, _ := d.send(t, method, path, body)
	if got != status {
		t.Fatalf("%s %s %s: %d %v, want %d", method, path, body, got, out, status)
	}
	data, _ := out["data"].(map[string]any)
	return data
}

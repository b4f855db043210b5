package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"callrec/internal/testkit"
	"callrec/internal/testkit/natstest"
	"callrec/recording"
	"callrec/upload"
)

// ear hears the events of an account at both doors.
type ear struct {
	t       *testing.T
	account string
	sub     *nats.Subscription
	stream  chan string // the data of Server-Sent Events
}

func (s *shop) listen(addr, account string) *ear {
	s.t.Helper()
	e := &ear{t: s.t, account: account, stream: make(chan string, 1000)}
	conn, err := nats.Connect("nats://" + addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(conn.Close)
	if e.sub, err = conn.SubscribeSync("callrec.events." + account + ".>"); err == nil {
		err = conn.Flush()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.apiAddr+"/v2/accounts/"+account+"/events", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", s.token)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r) //nolint:bodyclose // the goroutine below closes it
	if err != nil {
		s.t.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != ": listening" {
		s.t.Fatalf("%s: %q", resp.Status, lines.Text())
	}
	go func() {
		defer close(e.stream)
		defer resp.Body.Close()
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				e.stream <- data
			}
		}
	}()
	return e
}

// told is an event as whoever subscribes understands it.
type told struct {
	Version   int
	Name      string
	Account   string `json:"account_id"`
	Call      string `json:"call_id"`
	Detail    string
	Digit     string
	Recording *struct{ ID, State, Reason string }
	text      string
}

// next waits for the next event: the same bytes at both doors, under the right subject.
func (e *ear) next() (v told) {
	e.t.Helper()
	m, err := e.sub.NextMsgWithContext(e.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	v.text = string(m.Data)
	if sse := <-e.stream; sse != v.text {
		e.t.Errorf("NATS has %s\nthe stream %s", v.text, sse)
	}
	if err := json.Unmarshal(m.Data, &v); err != nil {
		e.t.Fatal(err)
	}
	if want := "callrec.events." + e.account + "." + base64.RawURLEncoding.EncodeToString([]byte(v.Call)); m.Subject != want {
		e.t.Errorf("subject %s, want %s", m.Subject, want)
	}
	if v.Version != 1 || v.Account != e.account {
		e.t.Errorf("%s hears %s", e.account, v.text)
	}
	return v
}

// until waits for an event and returns all up to it by their names.
func (e *ear) until(name string) (names []string, last told) {
	e.t.Helper()
	for last.Name != name {
		last = e.next()
		names = append(names, last.Name)
	}
	return names, last
}

// talk sends speech on both legs of a call, in which the caller presses 5, until it
// is told to stop.
func talkOn(t *testing.T, info map[string]any) (stop func()) {
	t.Helper()
	var to []netip.AddrPort
	var streams [][]testkit.Packet
	for i, l := range info["legs"].([]any) {
		l := l.(map[string]any)
		to = append(to, netip.AddrPortFrom(netip.MustParseAddr(l["address"].(string)), uint16(l["rtp_port"].(float64))))
		s := testkit.Stream{Leg: i, Octets: bytes.Repeat([]byte{0x55}, 8000*600)}
		s.Header.SSRC = uint32(i) + 1
		if i == 0 {
			s.Digits = map[int]byte{25: 5}
		}
		packets, _ := s.Make()
		streams = append(streams, packets)
	}
	ctx, cancel := context.WithCancel(t.Context())
	sender, err := testkit.StartSender(ctx, testkit.SenderConfig{Legs: to, Schedule: testkit.Prepared(testkit.Merged(streams...)), LegsPerSocket: 1})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	return func() {
		cancel()
		if _, err := sender.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

// A call's whole life is told on NATS, byte for byte as the stream tells it, and
// each account hears its own only.
func TestEventsOnNATS(t *testing.T) {
	testkit.CheckLeaks(t)
	addr := natstest.Start(t).Addr()
	s := openShop(t, func(c *workerConfig) { c.nats, c.reportDigits, c.uploadKeep = "nats://"+addr, true, 1 })
	acme, beta := s.listen(addr, "acme"), s.listen(addr, "beta")
	announcement := func(to string) string {
		return `{"call_id":"a.*>b/ c@10.0.0.1","flow":{"module":"record_call","data":{"action":"start","format":"wav","url":"` + to + `"}}}`
	}
	path := "channels/" + url.PathEscape("a.*>b/ c@10.0.0.1")
	stop := talkOn(t, s.ask(201, "PUT", "accounts/acme/channels", announcement(s.to+"/acme/")))
	s.ask(200, "POST", "accounts/acme/"+path, `{"action":"answer"}`)
	names, digit := acme.until("channel.digit")
	if digit.Digit != "5" || digit.Detail != "caller" {
		t.Errorf("%s", digit.text)
	}
	for _, action := range []string{"mask", "unmask"} {
		s.ask(200, "PUT", "accounts/acme/"+path, `{"action":"metaflow","data":{"module":"record_call","data":{"action":"`+action+`"}}}`)
	}
	s.ask(200, "POST", "accounts/acme/"+path, `{"action":"hangup"}`)
	more, _ := acme.until("recording.delivered")
	stop()
	want := []string{
		"recording.recording", "channel.announced", "channel.answered", "channel.digit", "recording.masked", "recording.recording",
		"recording.finishing", "channel.ended", "recording.spooled", "recording.delivered",
	}
	if names = append(names, more...); !slices.Equal(names, want) {
		t.Errorf("told are %q\nwant %q", names, want)
	}

	// The other account's receiver is down.
	to := strings.Replace(s.to, "//", "//ann:secret@", 1) + "/down/?key=secret"
	s.ask(201, "PUT", "accounts/beta/channels", announcement(to))
	s.ask(200, "POST", "accounts/beta/"+path, `{"action":"hangup"}`)
	names, parked := beta.until("recording.parked")
	if len(names) != 6 || parked.Detail != parked.Recording.Reason || !strings.Contains(parked.Detail, s.to+"/down/") || strings.Contains(parked.text, "secret") {
		t.Errorf("%q, and at last %s", names, parked.text)
	}
	s.ask(200, "POST", "spool/parked/"+parked.Recording.ID, `{"action":"retry"}`)
	if names, last := beta.until("recording.parked"); !slices.Equal(names, []string{"recording.spooled", "recording.parked"}) || strings.Contains(last.text, "secret") {
		t.Errorf("after a retry: %q, %s", names, last.text)
	}

	// What was left by an earlier process may be delivered before this one records.
	s.owner.Store(nil)
	s.delivered(upload.Outcome{ID: "202611-1", Account: "acme", CallID: "before", Delivered: true})
	s.owner.Store(s.manager)
	if v := acme.next(); v.Name != "recording.delivered" || v.Call != "before" || v.Recording.State != recording.Delivered.String() {
		t.Errorf("%s", v.text)
	}
	s.close()
	for _, e := range []*ear{acme, beta} {
		if n, _, _ := e.sub.Pending(); n != 0 || len(e.stream) != 0 {
			t.Errorf("%s: %d more on NATS, %d on the stream", e.account, n, len(e.stream))
		}
	}
}

// While NATS takes nothing, calls are announced, recorded and delivered as ever, the
// stream tells of them, and the metrics what NATS was not told.
func TestCallsGoOnWhileNATSHangs(t *testing.T) {
	testkit.CheckLeaks(t)
	addr := natstest.Start(t).Addr()
	valve := testkit.StartValve(t, addr)
	s := openShop(t, func(c *workerConfig) { c.nats, c.ops = "nats://"+valve.Addr(), "127.0.0.1:0" })
	e := s.listen(addr, "acme")
	valve.Freeze()
	flood := func() []byte { return make([]byte, 4<<10) }
	for s.store.Stats().EventsLost < 1000 {
		s.store.Tell("other", "c", flood)
	}
	for i := range 3 {
		call := fmt.Sprint("c", i)
		s.ask(201, "PUT", "accounts/acme/channels", `{"call_id":"`+call+`","flow":{"module":"record_call","data":{"action":"start","format":"wav","url":"`+s.to+`/acme/"}}}`)
		s.ask(200, "POST", "accounts/acme/channels/"+call, `{"action":"hangup"}`)
		if path := <-s.came; !strings.HasPrefix(path, "/acme/call_recording_"+call) {
			t.Errorf("%s", path)
		}
		for v := (told{}); v.Name != "recording.delivered"; {
			if err := json.Unmarshal([]byte(<-e.stream), &v); err != nil {
				t.Fatal(err)
			}
		}
	}
	resp, err := http.Get("http://" + s.opsAddr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if n := metric(string(text), "callrec_events_not_published_total"); err != nil || n < 1000 {
		t.Errorf("%v events are counted, %v", n, err)
	}
	valve.Thaw()
	http.DefaultClient.CloseIdleConnections()
}

// metric is the value of a figure without labels.
func metric(text, name string) (v float64) {
	for line := range strings.Lines(text) {
		if _, err := fmt.Sscanf(line, name+" %g", &v); err == nil {
			return v
		}
	}
	return -1
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"callrec/internal/testkit"
)

// shop is a running worker with a receiver beside it.
type shop struct {
	*worker
	t     *testing.T
	token string
	to    string // the receiver's URL
	made  workerConfig

	mu   sync.Mutex
	got  map[string][]byte // by path
	came chan string
}

func openShop(t *testing.T, change ...func(*workerConfig)) *shop {
	t.Helper()
	s := &shop{t: t, got: map[string][]byte{}, came: make(chan string, 100)}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if strings.HasPrefix(r.URL.Path, "/down/") {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		s.mu.Lock()
		s.got[r.URL.Path] = b
		s.mu.Unlock()
		s.came <- r.URL.Path
	}))
	t.Cleanup(receiver.Close)
	cfg, err := demoWorker(t.TempDir(), strings.TrimPrefix(receiver.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(&cfg)
	}
	if s.worker, err = startWorker(t.Context(), cfg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	if s.token, err = tokenAt(s.tokenPlace); err != nil {
		t.Fatal(err)
	}
	s.to, s.made = receiver.URL, cfg
	return s
}

func (s *shop) close() {
	if s.worker == nil {
		return
	}
	if err := s.stop(s.t.Context()); err != nil {
		s.t.Error(err)
	}
	s.worker = nil
}

// ask makes a request and returns its data.
func (s *shop) ask(status int, method, path, data string, header ...string) map[string]any {
	s.t.Helper()
	body := s.raw(status, method, path, `{"data":`+data+`}`, header...)
	var out struct{ Data any }
	if err := json.Unmarshal(body, &out); err != nil {
		s.t.Fatalf("%s %s: %v: %s", method, path, err, body)
	}
	m, _ := out.Data.(map[string]any)
	if list, ok := out.Data.([]any); ok {
		m = map[string]any{"list": list}
	}
	return m
}

func (s *shop) raw(status int, method, path, body string, header ...string) []byte {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.apiAddr+"/v2/"+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", s.token)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		s.t.Fatalf("%s %s %s: %d, %v, want %d: %s", method, path, body, resp.StatusCode, err, status, out)
	}
	return out
}

// Account, both ends and a callflow each want a recording of one call, each in its
// own way: four right files of one pair of legs. Then the files are found, had
// back, and removed through the API.
func TestDocumentsMakeRecordings(t *testing.T) {
	testkit.CheckLeaks(t)
	s := openShop(t)
	to := s.to
	s.ask(201, "PUT", "accounts", `{"id":"acme","name":"Acme","call_recording":{"account":{"inbound":{"onnet":{"enabled":true,"format":"wav","record_sample_rate":16000}}}}}`)
	s.ask(201, "PUT", "accounts/acme/users", `{"id":"ann","first_name":"A","last_name":"L","call_recording":{"outbound":{"onnet":{"enabled":true,"format":"mp3","url":"`+to+`/ann/"}}}}`)
	s.ask(201, "PUT", "accounts/acme/users", `{"id":"bob","first_name":"B","last_name":"R","call_recording":{"inbound":{"any":{"enabled":true,"format":"wav","channels":"stereo","url":"`+to+`/bob"}}}}`)
	s.ask(201, "PUT", "accounts/acme/devices", `{"id":"d1","name":"desk","owner_id":"ann"}`)
	s.ask(201, "PUT", "accounts/acme/callflows", `{"id":"sales","name":"Sales","flow":{"module":"record_call","data":{"action":"start","format":"wav","url":"`+to+`/flow","record_on_bridge":true}}}`)
	const call = `{"call_id":"c1","from_network":"onnet","to_network":"onnet","caller":{"device_id":"d1"},"callee":{"user_id":"bob"},"answered":true,"callflow_id":"sales"}`
	info := s.ask(201, "PUT", "accounts/acme/channels", call)
	if legs := info["legs"].([]any); len(legs) != 2 {
		t.Fatalf("legs %v: one pair is to do for all", legs)
	}
	var told []string
	for _, r := range info["recordings"].([]any) {
		r := r.(map[string]any)
		told = append(told, fmt.Sprintf("%s %s %v %s %s", r["origin"], r["format"], r["record_sample_rate"], r["channels"], r["state"]))
	}
	want := `inbound from onnet to account wav 16000 mono recording
outbound to onnet from endpoint mp3 16000 mono recording
inbound from onnet to endpoint wav 8000 stereo recording
callflow : Sales wav 8000 mono armed`
	if got := strings.Join(told, "\n"); got != want {
		t.Errorf("recordings\n%s\nwant\n%s", got, want)
	}
	s.ask(200, "PATCH", "accounts/acme", `{"call_recording":null}`)
	s.ask(200, "PUT", "accounts/acme/channels", call) // the same, whatever documents say by now
	s.ask(200, "POST", "accounts/acme/channels/c1", `{"action":"bridge"}`)
	s.ask(200, "POST", "accounts/acme/channels/c1", `{"action":"hangup"}`)
	for range 3 {
		<-s.came
	}
	s.mu.Lock()
	for path, file := range s.got {
		wav, mp3 := bytes.HasPrefix(file, []byte("RIFF")), strings.HasSuffix(path, ".mp3")
		if !strings.Contains(path, "/call_recording_c1") || wav == mp3 || len(file) < 44 {
			t.Errorf("%s has %d bytes", path, len(file))
		}
		if strings.HasPrefix(path, "/bob") && (file[22] != 2 || file[24] != 0x40) {
			t.Errorf("%s has %d channels", path, file[22])
		}
	}
	s.mu.Unlock()
	s.close() // everything is delivered and in the index then

	var err error
	if s.worker, err = startWorker(t.Context(), s.made, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	list := s.ask(200, "GET", "accounts/acme/recordings?filter_state=delivered", `{}`)["list"].([]any)
	if len(list) != 4 {
		t.Fatalf("%d recordings are listed: %v", len(list), list)
	}
	if own := s.ask(200, "GET", "accounts/acme/users/bob/recordings", `{}`)["list"].([]any); len(own) != 1 {
		t.Errorf("bob has %d", len(own))
	}
	for _, item := range list {
		r := item.(map[string]any)
		path := "accounts/acme/recordings/" + r["id"].(string)
		if r["url"] != nil { // at a receiver, which gives nothing back
			if out := s.raw(404, "GET", path, "", "Accept", "audio/*"); !strings.Contains(string(out), to) {
				t.Errorf("%s", out)
			}
			continue
		}
		if file := s.raw(200, "GET", path, "", "Accept", "audio/wav"); !bytes.HasPrefix(file, []byte("RIFF")) || file[25] != 0x3e {
			t.Errorf("the account's file is %.30q", file)
		}
		s.ask(200, "DELETE", path, `{}`)
		s.ask(404, "GET", path, `{}`)
	}
}

// A recording that waits for its receiver is had from the spool, and deleting it
// ends its delivery.
func TestDeleteBeforeDelivery(t *testing.T) {
	testkit.CheckLeaks(t)
	s := openShop(t)
	s.ask(201, "PUT", "accounts", `{"id":"acme","name":"Acme"}`)
	s.ask(201, "PUT", "accounts/acme/channels", `{"call_id":"c1","flow":{"module":"record_call","data":{"action":"start","format":"wav","url":"`+s.to+`/down/"}}}`)
	s.ask(200, "POST", "accounts/acme/channels/c1", `{"action":"hangup"}`)
	r := until(t, func() (map[string]any, bool) {
		list, _ := s.ask(200, "GET", "accounts/acme/recordings", `{}`)["list"].([]any)
		if len(list) == 0 {
			return nil, false
		}
		return list[0].(map[string]any), true
	})
	path := "accounts/acme/recordings/" + r["id"].(string)
	if file := s.raw(200, "GET", path, "", "Accept", "audio/wav"); !bytes.HasPrefix(file, []byte("RIFF")) {
		t.Errorf("%.30q", file)
	}
	s.ask(409, "DELETE", "accounts/acme", `{}`)
	s.ask(200, "DELETE", path, `{}`)
	s.ask(200, "DELETE", "accounts/acme", `{}`)
	if st := s.spool.Stats(); st.Ready+st.Parked != 0 {
		t.Errorf("the spool has %+v", st)
	}
	until(t, func() (struct{}, bool) { // the queue finds that out at its next try
		st := s.queue.Stats()
		return struct{}{}, st.Waiting+st.Active == 0 && st.Parked == 0
	})
}

// until asks again until there is an answer.
func until[T any](t *testing.T, ask func() (T, bool)) T {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if v, ok := ask(); ok {
			return v
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("it never came")
		}
	}
}

package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"callrec/control"
	"callrec/recording"
)

// recordingOf is the index's entry of a recording made minutes before clock.
func recordingOf(n, minutes int, owner string, state recording.State) control.Recording {
	at := clock.Add(-time.Duration(minutes) * time.Minute)
	return control.Recorded(&recording.Event{
		At: at.Add(time.Minute), Interaction: "63899999999-1a2b3c4d",
		Spec: recording.CallSpec{
			ID: recording.CallID{Account: "acme", Call: fmt.Sprintf("call-%d@h", n)}, From: "1001@acme.example", To: "+15551234567@acme.example",
			CallerIDName: "Ann Lee", CallerIDNumber: "1001",
		},
		Recording: &recording.Info{
			ID: fmt.Sprintf("202611-%032x", n), Origin: "callflow : x", State: state, MediaName: fmt.Sprintf("m%d.mp3", n), Format: "mp3",
			Rate: 16000, Channels: 1, Owner: owner, URL: "http://user:hidden@h.example/rec?key=hidden", Object: "o", Created: at, Started: at,
			Length: 12345 * time.Millisecond, Quality: &recording.Quality{},
		},
	})
}

const audioText = "0123456789abcdef"

// newArchive is a tenant with five recordings; the newest is 1.
func newArchive(t testing.TB) *door {
	t.Helper()
	d := newTenant(t)
	for i, state := range []recording.State{recording.Delivered, recording.Spooled, recording.Parked, recording.Delivered, recording.Recording} {
		owner := []string{"ann", "bob"}[i%2]
		var file []byte
		if i < 3 {
			file = []byte(audioText)
		}
		d.kept.Keep(recordingOf(i+1, 10*(i+1), owner, state), file)
	}
	return d
}

func recordingPath(n int) string { return fmt.Sprintf("%s/recordings/202611-%032x", acme, n) }

func TestRecordingDocument(t *testing.T) {
	d := newArchive(t)
	status, out, _ := d.send(t, "GET", recordingPath(1), "", "X-Request-ID", "req-1")
	if status != 200 {
		t.Fatalf("%d %v", status, out)
	}
	golden(t, "recording", out)
}

func TestRecordingLists(t *testing.T) {
	d := newArchive(t)
	g := func(minutes int) string {
		return fmt.Sprint(control.GregorianSeconds(clock.Add(-time.Duration(minutes) * time.Minute)))
	}
	walk := func(path string) string {
		var ids []string
		key := ""
		for range 10 {
			status, out, _ := d.send(t, "GET", path+key, "")
			list, _ := out["data"].([]any)
			if status != 200 || out["page_size"] != float64(len(list)) {
				t.Fatalf("%s: %d %v", path, status, out)
			}
			for _, item := range list {
				id := item.(map[string]any)["id"].(string)
				ids = append(ids, id[len(id)-1:])
			}
			next, more := out["next_start_key"].(string)
			if !more {
				return strings.Join(ids, "")
			}
			key = "&start_key=" + next
		}
		return "endless"
	}
	for query, want := range map[string]string{
		"/recordings?": "12345", "/recordings?page_size=2": "12345", "/recordings?ascending=true": "54321", "/recordings?descending=false&page_size=1": "54321",
		"/users/ann/recordings?": "135", "/users/bob/recordings?page_size=1": "24", "/users/nobody/recordings?": "",
		"/recordings?created_from=" + g(30):                          "123",
		"/recordings?created_to=" + g(30):                            "345",
		"/recordings?created_from=" + g(40) + "&created_to=" + g(20): "234",
		"/recordings?modified_from=" + g(19):                         "12",
		"/recordings?modified_to=" + g(39):                           "45",
		"/recordings?filter_state=delivered":                         "14",
		"/recordings?filter_not_owner_id=ann&page_size=1":            "24",
		`/recordings?filter_call_id=["call-2@h","call-5@h"]`:         "25",
		"/recordings?filter_custom_channel_vars.owner_id=bob":        "24",
		"/recordings?filter_duration=12&filter_duration_ms=12345":    "12345",
		"/recordings?key_missing=callee_id_name&has_key=quality":     "12345",
		"/recordings?created_from=0&created_to=1":                    "",
		"/recordings?created_to=" + g(-9) + "&paginate=false":        "12345",
	} {
		if got := walk(acme + query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	d.now = clock.Truncate(time.Second).Add(999 * time.Millisecond) // ranges are of whole seconds
	now := control.GregorianSeconds(clock)
	if got := walk(acme + "/recordings?created_from=" + fmt.Sprint(now-2682000)); got != "12345" {
		t.Errorf("the longest range: %s", got)
	}
	for query, want := range map[string]string{
		"created_from=x":         `{"created_from":{"type":{"message":"Value did not match type(s): integer","target":"seconds since the year 0","value":"x"}}}`,
		"created_from=" + g(-60): fmt.Sprintf(`{"created_from":{"date_range":{"message":"created_to %d is prior to created_from %d","cause":%d}}}`, now, now+3600, now+3600),
		"created_from=" + fmt.Sprint(now-2682001): fmt.Sprintf(`{"created_from":{"date_range":{"message":"created_to %d is more than 2682000 seconds from created_from %d","cause":%d}}}`,
			now, now-2682001, now-2682001),
		"start_key=AAAA": `{"start_key":{"invalid":{"message":"Value is no key that a list has given out","value":"AAAA"}}}`,
	} {
		status, out, _ := d.send(t, "GET", acme+"/recordings?"+query, "")
		if status != 400 {
			t.Errorf("%s: %d", query, status)
		}
		equal(t, query, out["data"], want)
	}
}

// The file comes by Accept or ?accept, whole or in part, and what is hidden stays so.
func TestRecordingAudio(t *testing.T) {
	d := newArchive(t)
	one := recordingPath(1)
	for _, c := range []struct {
		path   string
		header []string
		status int
		body   string
		say    map[string]string
	}{
		{one, []string{"Accept", "audio/mpeg"}, 200, audioText, map[string]string{
			"Content-Type": "audio/mpeg", "Content-Disposition": "attachment; filename=m1.mp3", "Accept-Ranges": "bytes", "Content-Length": "16",
		}},
		{one, []string{"Accept", "audio/wav"}, 200, audioText, map[string]string{"Content-Type": "audio/mpeg"}},
		{one + "?accept=audio/mp3&inline=true", nil, 200, audioText, map[string]string{"Content-Disposition": "inline; filename=m1.mp3"}},
		{one + "?accept=audio/mpeg", []string{"Range", "bytes=2-5"}, 206, "2345", map[string]string{"Content-Range": "bytes 2-5/16"}},
		{one + "?accept=audio/mpeg", []string{"Range", "bytes=-3"}, 206, "def", nil},
		{one + "?accept=audio/mpeg", []string{"Range", "bytes=12-"}, 206, "cdef", nil},
		{one + "?accept=audio/mpeg", []string{"Range", "bytes=99-"}, 200, audioText, nil},
		{one + "?accept=audio/mpeg", []string{"Range", "bytes=5-2"}, 200, audioText, nil},
		{one + "?accept=audio/mpeg", []string{"Range", "bytes=0-1,0-2"}, 200, audioText, nil},
		{one + "?accept=audio/mpeg", []string{"Range", "lines=1"}, 200, audioText, nil},
		{recordingPath(4), []string{"Accept", "audio/mpeg"}, 404, "", nil},
	} {
		w := d.raw(t, "GET", c.path, c.header...)
		if w.Code != c.status || (c.body != "" && w.Body.String() != c.body) {
			t.Errorf("%s %v: %d %q, want %d %q", c.path, c.header, w.Code, w.Body, c.status, c.body)
		}
		for name, want := range c.say {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s %v: %s %q, want %q", c.path, c.header, name, got, want)
			}
		}
		if strings.Contains(w.Body.String(), "hidden") {
			t.Errorf("credentials came out: %s", w.Body)
		}
		if c.status == 404 && !strings.Contains(w.Body.String(), "http://h.example/rec") {
			t.Errorf("it does not say where the file went: %s", w.Body)
		}
	}
	for _, accept := range []string{"", "*/*", "application/json", "application/json, audio/mpeg", "text/html, */*;q=0.8", "nonsense;;"} {
		if w := d.raw(t, "GET", one, "Accept", accept); w.Code != 200 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("Accept %q: %d %s", accept, w.Code, w.Body)
		}
	}
}

func TestDeleteRecording(t *testing.T) {
	d := newArchive(t)
	gone := d.must(t, 200, "DELETE", recordingPath(2), "")
	equal(t, "deleted", gone["_read_only"], `{"deleted":true}`)
	for _, verb := range []string{"GET", "DELETE"} {
		if status, _, _ := d.send(t, verb, recordingPath(2), ""); status != 404 {
			t.Errorf("%s after it: %d", verb, status)
		}
	}
	if _, err := d.kept.Open(t.Context(), &control.Recording{ID: gone["id"].(string)}); err == nil {
		t.Error("the file is still there")
	}
	if status, out, _ := d.send(t, "DELETE", recordingPath(5), ""); status != 409 {
		t.Errorf("of one being made: %d %v", status, out)
	}
	status, out, _ := d.send(t, "GET", acme+"/recordings/latest", "")
	if status != 404 || !reflect.DeepEqual(out["data"], []any{"latest"}) {
		t.Errorf("%d %v", status, out)
	}
	for _, other := range []string{"/v2/accounts/other"} {
		if status, _, _ := d.send(t, "GET", strings.Replace(recordingPath(1), acme, other, 1), ""); status != 404 {
			t.Errorf("from another account: %d", status)
		}
	}
}

// deadlined notes until when an answer may be written.
type deadlined struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (d *deadlined) SetWriteDeadline(t time.Time) error {
	d.until = t
	return nil
}

// A long file may take as long as a slow client needs for it, not only what other
// answers may take.
func TestSlowDownload(t *testing.T) {
	d := newArchive(t)
	const size = 8 << 20
	d.kept.Keep(recordingOf(1, 10, "ann", recording.Delivered), make([]byte, size))
	r := httptest.NewRequestWithContext(t.Context(), "GET", recordingPath(1), nil)
	r.Header.Set("X-Auth-Token", token)
	r.Header.Set("Accept", "audio/*")
	w := &deadlined{ResponseRecorder: httptest.NewRecorder()}
	d.ServeHTTP(w, r)
	const atModemSpeed = size / (8 << 10) * time.Second
	if left := time.Until(w.until); w.Code != 200 || w.Body.Len() != size || left < atModemSpeed {
		t.Errorf("%d, %d bytes, %v for them; want %v", w.Code, w.Body.Len(), left, atModemSpeed)
	}
}

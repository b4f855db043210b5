package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"callrec/control"
	"callrec/control/httpapi"
)

// fuzz sends bodies and holds every answer to what holds for all of them.
func fuzz(f *testing.F, method, path string, seeds []string, cases []refusal) {
	for _, s := range seeds {
		f.Add(s)
	}
	for _, c := range cases {
		f.Add(c.body[:min(len(c.body), 2000)])
	}
	recorder := newFake()
	h, err := httpapi.New(config(recorder, io.Discard))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		clear(recorder.calls)
		recorder.order, recorder.commands = nil, nil
		if path == call {
			send(t, h, "PUT", channels, flowData(`"format":"wav"`))
		}
		before := recorder.started
		status, data := send(t, h, method, path, body)
		switch status {
		case 200, 201:
		case 400, 404, 413:
			if recorder.started != before || len(recorder.commands) > 0 {
				t.Fatalf("refused with %d, and yet something was done", status)
			}
		default:
			t.Fatalf("%d %s", status, data)
		}
	})
}

func send(t *testing.T, h http.Handler, method, path, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("X-Auth-Token", token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if !json.Valid(w.Body.Bytes()) {
		t.Fatalf("%q was answered with %q", body, w.Body)
	}
	return w.Code, w.Body.String()
}

func FuzzAnnounce(f *testing.F) {
	fuzz(f, "PUT", channels, []string{full, flowData(`"format":"wav"`)}, badAnnouncements)
}

func FuzzAction(f *testing.F) {
	fuzz(f, "POST", call, []string{`{"data":{"action":"answer","leg":"callee"}}`, `{"data":{"action":"callflow","flow":` + chain(3) + `}}`, `{"data":{"action":"update"}}`, `{"data":{"action":"transfer","leg":"callee","call_id":"x","party":{"user_id":"U"}}}`}, badActions)
}

func FuzzMetaflow(f *testing.F) {
	fuzz(f, "PUT", call, []string{metaflow(`"action":"start","time_limit":60`), metaflow(`"action":"mask","id":"nope"`)}, badMetaflows)
}

// FuzzPatch: what is refused changes nothing; what is stored is told as it is, is
// right as a whole, and can be compiled.
func FuzzPatch(f *testing.F) {
	for _, s := range []string{
		`{"call_recording":{"inbound":{"offnet":{"enabled":"true","time_limit":"60"}}}}`, `{"call_recording":{}}`, `{"last_name":null}`,
		`{"id":"ann","_id":"x","pvt_x":{},"a":[null,{"b":null}],"c":1e3}`, `[]`, `{"call_recording":{"any":{"any":{"url":"ftp://h/"}}}}`,
	} {
		f.Add(s)
	}
	d := newTenant(f)
	f.Fuzz(func(t *testing.T, change string) {
		send(t, d, "POST", ann, user)
		_, before := send(t, d, "GET", ann, "")
		status, _ := send(t, d, "PATCH", ann, `{"data":`+change+`}`)
		_, after := send(t, d, "GET", ann, "")
		switch status {
		case 400:
			if dataOf(t, before) != dataOf(t, after) {
				t.Fatalf("refused, and yet %s became %s", before, after)
			}
		case 200:
			if status, again := send(t, d, "PATCH", ann, `{"data":{}}`); status != 200 || dataOf(t, again) != dataOf(t, after) {
				t.Fatalf("%d: %s is not stable: %s", status, after, again)
			}
			if d.kept.Compiled(control.Ref{Account: "acme", Kind: control.Users, ID: "ann"}) == nil {
				t.Fatalf("%s does not compile", after)
			}
		default:
			t.Fatalf("%d", status)
		}
	})
}

// dataOf is the data of an answer as text; what else there is changes with time.
func dataOf(t *testing.T, answer string) string {
	t.Helper()
	var out struct{ Data json.RawMessage }
	if err := json.Unmarshal([]byte(answer), &out); err != nil {
		t.Fatal(err)
	}
	return string(out.Data)
}

// FuzzQuery: no query, Accept or Range is answered by anything but a page, a file
// or a fault.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"page_size=2&start_key=AAAA", "created_from=63962641200&filter_state=delivered", `filter_a.b=["x"]&has_key=`, "accept=audio/mpeg", "modified_to=-1&paginate=false"} {
		f.Add(s, "audio/mpeg;q=0.5, */*", "bytes=1-2")
	}
	d := newArchive(f)
	f.Fuzz(func(t *testing.T, query, accept, part string) {
		for _, path := range []string{acme + "/recordings", acme + "/users", recordingPath(1)} {
			r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
			r.URL.RawQuery = query
			r.Header.Set("X-Auth-Token", token)
			r.Header.Set("Accept", accept)
			r.Header.Set("Range", part)
			w := httptest.NewRecorder()
			d.ServeHTTP(w, r)
			switch kind := w.Header().Get("Content-Type"); {
			case kind == "application/json" && (w.Code == 200 || w.Code == 400) && json.Valid(w.Body.Bytes()):
			case kind == "audio/mpeg" && (w.Code == 200 || w.Code == 206) && strings.Contains(audioText, w.Body.String()):
			default:
				t.Fatalf("%s?%s: %d %s %q", path, query, w.Code, kind, w.Body)
			}
		}
	})
}

package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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
		case 400, 404, 413, 501:
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

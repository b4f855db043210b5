package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// ask makes a request of any kind with a token, and returns the whole answer.
func (w *worker) ask(token, method, path, body string) (code int, envelope map[string]any, header http.Header) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, "http://"+w.api+"/v2/"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", token)
	resp, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(text, &envelope)
	}
	if err != nil {
		w.t.Fatalf("%s %s: %d, %v: %.200s", method, path, resp.StatusCode, err, text)
	}
	return resp.StatusCode, envelope, resp.Header
}

// answers is ask as the admin, of what has to succeed; it returns the data.
func (w *worker) answers(code int, method, path, body string) map[string]any {
	w.t.Helper()
	got, envelope, _ := w.ask(w.token, method, path, body)
	if got != code {
		w.t.Fatalf("%s %s %s: %d %v, want %d", method, path, body, got, envelope, code)
	}
	data, _ := envelope["data"].(map[string]any)
	return data
}

// listed is the document of each recording in the index, by call.
func (w *worker) listed() map[string]map[string]any {
	w.t.Helper()
	_, envelope, _ := w.ask(w.token, "GET", "accounts/acc/recordings", "")
	out := map[string]map[string]any{}
	list, _ := envelope["data"].([]any)
	for _, item := range list {
		doc := item.(map[string]any)
		out[doc["call_id"].(string)] = doc
	}
	return out
}

// stateIs reports whether the index has a call's recording in a state.
func (w *worker) stateIs(call, state string) func() bool {
	return func() bool { return w.listed()[call]["state"] == state }
}

// Documents, tokens and the index are there again after SIGTERM, and after kill -9
// in the moment in which the last change was answered. What was revoked or deleted
// is not. Recordings are in the states they are really in.
func TestRestartKeepsWhatItWasTold(t *testing.T) {
	t.Parallel()
	for n, how := range []string{"SIGTERM", "kill -9"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			var up atomic.Bool
			receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if !up.Load() {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}))
			defer receiver.Close()
			data := t.TempDir()
			ports := func(life int) string {
				first := 25300 + 40*n + 20*life
				return fmt.Sprintf("%d-%d", first, first+19)
			}
			w := startWorker(t, data, "--rtp-ports", ports(0))
			w.answers(201, "PUT", "accounts", `{"data":{"id":"acc","name":"Acme","call_recording":{"account":{"any":{"any":{"enabled":true,"format":"wav"}}}}}}`)
			w.answers(201, "PUT", "accounts/acc/users", `{"data":{"id":"ann","first_name":"Ann","last_name":"Lee"}}`)
			w.answers(201, "PUT", "accounts/acc/users", `{"data":{"id":"bob","first_name":"Bob","last_name":"Ray"}}`)
			w.answers(201, "PUT", "accounts/acc/devices", `{"data":{"id":"d1","name":"desk","owner_id":"ann"}}`)
			w.answers(201, "PUT", "accounts/acc/callflows", `{"data":{"id":"f1","name":"Flow","flow":{"module":"record_call","data":{"action":"start","format":"wav","url":"`+receiver.URL+`"}}}}`)
			w.answers(200, "DELETE", "accounts/acc/users/bob", "")
			mine := w.answers(201, "PUT", "accounts/acc/tokens", `{"data":{"name":"stays"}}`)["token"].(string)
			sbc := w.answers(201, "PUT", "tokens", `{"data":{"scope":"calls","name":"sbc"}}`)["token"].(string)
			revoked := w.answers(201, "PUT", "accounts/acc/tokens", `{"data":{"name":"goes"}}`)

			// One call is delivered, one waits for its receiver, one is running.
			const announce = "accounts/acc/channels"
			w.answers(201, "PUT", announce, `{"data":{"call_id":"done","from_network":"onnet","to_network":"onnet"}}`)
			w.answers(200, "POST", announce+"/done", `{"data":{"action":"hangup"}}`)
			w.answers(200, "PATCH", "accounts/acc", `{"data":{"call_recording":null}}`)
			w.answers(201, "PUT", announce, `{"data":{"call_id":"waits","callflow_id":"f1"}}`)
			w.answers(200, "POST", announce+"/waits", `{"data":{"action":"hangup"}}`)
			eventually(t, "one is delivered", time.Minute, w.stateIs("done", "delivered"))
			eventually(t, "one is spooled", time.Minute, w.stateIs("waits", "spooled"))
			if how == "kill -9" {
				w.answers(201, "PUT", announce, `{"data":{"call_id":"cut","flow":{"module":"record_call","data":{"action":"start","format":"wav"}}}}`)
			}
			w.answers(200, "DELETE", "accounts/acc/tokens/"+revoked["id"].(string), "")
			paths := []string{"accounts", "accounts/acc", "accounts/acc/users", "accounts/acc/devices/d1", "accounts/acc/callflows/f1", "accounts/acc/tokens", "tokens"}
			before := make([]map[string]any, len(paths))
			for i, path := range paths {
				_, before[i], _ = w.ask(w.token, "GET", path, "")
			}
			w.answers(200, "PATCH", "accounts/acc/users/ann", `{"data":{"call_recording":{"outbound":{"any":{"enabled":true,"format":"wav"}}}}}`)
			if how == "SIGTERM" {
				w.terminate(20 * time.Second)
			} else {
				w.kill()
			}
			w = startWorker(t, data, "--rtp-ports", ports(1))

			for i, path := range paths {
				_, now, _ := w.ask(w.token, "GET", path, "")
				if !reflect.DeepEqual(now["data"], before[i]["data"]) || now["revision"] != before[i]["revision"] {
					t.Errorf("%s was\n%v, and is\n%v", path, before[i], now)
				}
			}
			if code, _, _ := w.ask(mine, "GET", "accounts/acc/users/ann", ""); code != 200 {
				t.Errorf("the account's token: %d", code)
			}
			if code, _, _ := w.ask(sbc, "GET", announce, ""); code != 200 {
				t.Errorf("the SBC's token: %d", code)
			}
			if code, _, _ := w.ask(revoked["token"].(string), "GET", "accounts/acc", ""); code != 401 {
				t.Errorf("the revoked token: %d", code)
			}
			w.answers(404, "GET", "accounts/acc/users/bob", "")
			user := w.answers(200, "GET", "accounts/acc/users/ann", "")
			want := map[string]any{"outbound": map[string]any{"any": map[string]any{"enabled": true, "format": "wav"}}}
			if !reflect.DeepEqual(user["call_recording"], want) {
				t.Errorf("the last change is not there: %v", user)
			}
			call := w.answers(201, "PUT", announce, `{"data":{"call_id":"new","from_network":"onnet","to_network":"offnet","caller":{"device_id":"d1"},"callflow_id":"f1"}}`)
			if text := fmt.Sprint(call["recordings"]); !strings.Contains(text, "outbound to offnet from endpoint") || !strings.Contains(text, "callflow : Flow") {
				t.Errorf("a call is decided differently: %s", text)
			}
			w.answers(200, "POST", announce+"/new", `{"data":{"action":"hangup"}}`)

			list := w.listed()
			if list["done"]["state"] != "delivered" || list["waits"]["state"] != "spooled" {
				t.Errorf("done is %v, waits is %v", list["done"]["state"], list["waits"]["state"])
			}
			up.Store(true)
			eventually(t, "what waited is delivered", time.Minute, w.stateIs("waits", "delivered"))
			if how == "kill -9" {
				eventually(t, "what was cut short is delivered", time.Minute, w.stateIs("cut", "delivered"))
				if doc := w.listed()["cut"]; doc["reason"] != "interrupted" {
					t.Errorf("the recording that was cut short is told as %v", doc)
				}
			}
			w.terminate(20 * time.Second)
		})
	}
}

package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"callrec/recording"
)

// A POST may stand for any verb, in the query or in the envelope; nothing else may.
func TestVerbsInPOST(t *testing.T) {
	d := newTenant(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		message            string
	}{
		{"POST", ann, `{"data":{"last_name":"Low"},"verb":"PATCH"}`, 200, ""},
		{"POST", ann + "?verb=get", ``, 200, ""},
		{"POST", acme + "/users?verb=PUT", `{"data":{"id":"eve","first_name":"E","last_name":"V"}}`, 201, ""},
		{"POST", acme + "/users", `{"verb":"put","data":{"id":"eva","first_name":"E","last_name":"V"}}`, 201, ""},
		{"POST", acme + "/users/eve?verb=delete", ``, 200, ""},
		{"POST", acme + "/users/eva", `{"verb":"delete"}`, 200, ""},
		{"POST", channels + "?verb=PUT", `{"data":{"call_id":"c1"}}`, 201, ""},
		{"POST", call, `{"data":{"action":"hangup"}}`, 200, ""},
		{"POST", call, `{"data":{"action":"hangup"},"verb":"post"}`, 200, ""},
		{"POST", call + "?verb=trace", `{"data":{"action":"hangup"}}`, 405, "invalid_method"},
		{"POST", call, `{"verb":7,"data":{"action":"hangup"}}`, 200, ""},
		{"POST", call, `{"verb":"delete"`, 400, "validation error"},
		{"POST", call, strings.Repeat(" ", 1<<20) + `{"verb":"delete"}`, 413, "validation error"},
		{"PUT", ann + "?verb=DELETE", `{"data":{}}`, 405, "invalid_method"},
		{"PATCH", ann, `{"data":{"last_name":"Lee"},"verb":"DELETE"}`, 200, ""},
		{"GET", ann + "?verb=DELETE", ``, 200, ""},
	} {
		status, out, _ := d.send(t, c.method, c.path, c.body)
		if message, _ := out["message"].(string); status != c.status || message != c.message {
			t.Errorf("%s %s %.60s: %d %v, want %d", c.method, c.path, c.body, status, out, c.status)
		}
	}
	if out := d.must(t, 200, "GET", ann, ""); out["last_name"] != "Lee" || out["first_name"] != "Ann" {
		t.Errorf("%v", out)
	}
	if n := len(d.commands); n != 3 || d.commands[0].Action != recording.Hangup {
		t.Errorf("%d commands", n)
	}
	// The verb decides what a token may do, and without one there is none.
	secret := d.must(t, 201, "PUT", acme+"/tokens", `{"data":{"name":"x"}}`)["token"].(string)
	for path, body := range map[string]string{acme: `{"verb":"DELETE"}`, acme + "?verb=DELETE": ``} {
		if status, out, _ := d.send(t, "POST", path, body, "X-Auth-Token", secret); status != 403 {
			t.Errorf("%s: %d %v", path, status, out)
		}
		if status, out, _ := d.send(t, "POST", path, body, "X-Auth-Token", ""); status != 401 {
			t.Errorf("%s: %d %v", path, status, out)
		}
	}
	d.must(t, 200, "GET", acme, "")
}

// What clients of Kazoo find in answers: Location and revision of what they made,
// the mark of what they deleted, and every key of the details of errors.
func TestWhatKazooAnswers(t *testing.T) {
	d := newTenant(t)
	status, out, header := d.send(t, "PUT", acme+"/users", `{"data":{"id":"eve","first_name":"E","last_name":"V"}}`)
	place := header.Get("Location")
	if status != 201 || place != acme+"/users/eve" || out["revision"] == "" || out["revision"] == nil {
		t.Errorf("%d at %q: %v", status, place, out)
	}
	_, after, _ := d.send(t, "PATCH", place, `{"data":{"email":"e@acme.example"}}`)
	if after["revision"] == out["revision"] {
		t.Errorf("a change has the revision of what was before it, %v", out["revision"])
	}
	_, shown, _ := d.send(t, "GET", place, "")
	if shown["revision"] != after["revision"] {
		t.Errorf("revision %v, then %v", after["revision"], shown["revision"])
	}
	if gone := d.must(t, 200, "DELETE", place, ""); gone["_read_only"].(map[string]any)["deleted"] != true {
		t.Errorf("%v", gone)
	}
	long := strings.Repeat("x", 1025)
	_, out, _ = d.send(t, "PUT", channels, `{"data":{"call_id":"","from":"`+long+`","flow":{"module":"record_call","data":{"action":"start","url":"no url"}}}}`)
	got, err := json.Marshal(out["data"])
	if err != nil {
		t.Fatal(err)
	}
	cut := long[:256] + "…"
	want := `{"call_id":{"minLength":{"cause":"","message":"String must be at least 1 characters","target":1,"value":""}},` +
		`"flow.data.url":{"error":{"message":"invalid client URL","target":"only http here"},"wrong_format":{"format":"uri","message":"Field is not in the correct format","target":"uri"}},` +
		`"from":{"maxLength":{"cause":"` + cut + `","message":"String must not be more than 1024 characters","target":1024,"value":"` + cut + `"}}}`
	if string(got) != want {
		t.Errorf("data\n%s\nwant\n%s", got, want)
	}
	w := d.raw(t, http.MethodGet, ann+"?pretty_print=true")
	if !strings.Contains(w.Body.String(), "\n  \"data\"") {
		t.Errorf("not pretty: %s", w.Body)
	}
}

// Values that are the text of the right one are taken for it, in calls as in documents.
func TestCasts(t *testing.T) {
	d := newTenant(t)
	d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1","answered":"true","flow":{"module":"play","data":{},"children":{"_":{"module":"record_call","data":{"action":"start","time_limit":"60"}}}}}}`)
	d.must(t, 200, "PUT", channels, `{"data":{"call_id":"c1","answered":true,"flow":{"module":"play","data":{},"children":{"_":{"module":"record_call","data":{"action":"start","time_limit":60}}}}}}`)
	d.must(t, 200, "POST", call, `{"data":{"action":"callflow","flow":{"module":"record_call","data":{"action":"start","record_on_bridge":"false"}}}}`)
	d.must(t, 200, "PUT", call, metaflow(`"action":"start","record_sample_rate":"16000","time_limit":"0"`))
	for data, want := range map[string]string{`"time_limit":"4"`: "minimum", `"time_limit":"1 h"`: "type", `"record_on_answer":"yes"`: "type"} {
		if status, out, _ := d.send(t, "POST", call, `{"data":{"action":"callflow","flow":{"module":"record_call","data":{"action":"start",`+data+`}}}}`); status != 400 || len(problems(out)) != 1 || !strings.HasSuffix(problems(out)[0], " "+want) {
			t.Errorf("%s: %d %v, want %s", data, status, out, want)
		}
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"callrec/internal/testkit"
)

// openBare opens a worker that may send recordings nowhere but to its storage.
func openBare(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t}
	var err error
	if s.made, err = demoWorker(filepath.Join(t.TempDir(), "data"), "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	s.made.allowTarget = nil
	if s.worker, err = startWorker(t.Context(), s.made, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	if s.token, err = tokenAt(s.tokenPlace); err != nil {
		t.Fatal(err)
	}
	return s
}

// faults are the paths and rules of a refusal, sorted. Each has a message.
func (s *shop) faults(status int, method, path, body string) []string {
	s.t.Helper()
	var out struct {
		Status, Error, Message string
		Data                   map[string]map[string]struct{ Message string }
	}
	text := s.raw(status, method, path, body)
	if err := json.Unmarshal(text, &out); err != nil || out.Status != "error" || out.Error != fmt.Sprint(status) || out.Message != "validation error" {
		s.t.Errorf("%s %s %.100s: %v, %s", method, path, body, err, text)
	}
	var all []string
	for place, rules := range out.Data {
		for rule, detail := range rules {
			all = append(all, place+" "+rule)
			if detail.Message == "" {
				s.t.Errorf("%s %s has no message", place, rule)
			}
		}
	}
	slices.Sort(all)
	return all
}

// breach is a value that breaks a rule of a setting.
type breach struct {
	key, value, rule string
}

// settingsBroken breaks every rule of the settings of documents; those of callflows
// have more keys, and let unknown ones pass.
var (
	settingsBroken = []breach{
		{"channels", `"5.1"`, "enum"},
		{"enabled", `"perhaps"`, "type"},
		{"format", `"ogg"`, "enum"},
		{"record_min_sec", `1.5`, "type"},
		{"record_on_answer", `[]`, "type"},
		{"record_on_bridge", `{}`, "type"},
		{"record_sample_rate", `44000`, "enum"},
		{"time_limit", `4`, "minimum"},
		{"url", `"ftp://h.example/"`, "error"},
		{"colour", `1`, "additionalProperties"},
		{"method", `"post"`, "additionalProperties"},
	}
	settingsBrokenElse = []breach{
		{"channels", `1`, "type"},
		{"enabled", `[]`, "type"},
		{"format", `true`, "type"},
		{"record_min_sec", `"x"`, "type"},
		{"record_on_answer", `"x"`, "type"},
		{"record_on_bridge", `2`, "type"},
		{"record_sample_rate", `"fast"`, "type"},
		{"time_limit", `10801`, "maximum"},
		{"url", `"http://127.0.0.1/"`, "error"},
	}
	callBroken = []breach{
		{"action", `"mask"`, "enum"},
		{"channels", `""`, "enum"},
		{"format", `"ogg"`, "enum"},
		{"label", `"` + strings.Repeat("x", 256) + `"`, "maxLength"},
		{"media_name", `7.5`, "type"},
		{"method", `"get"`, "enum"},
		{"origin", `[1]`, "type"},
		{"record_min_sec", `-1`, "minimum"},
		{"record_on_answer", `3`, "type"},
		{"record_on_bridge", `"no way"`, "type"},
		{"record_sample_rate", `1`, "enum"},
		{"should_follow_transfer", `"x"`, "type"},
		{"skip_module", `"x"`, "type"},
		{"time_limit", `99999`, "maximum"},
		{"url", `"http://169.254.169.254/latest"`, "error"},
	}
	callerBroken = []breach{
		{"format", `"ogg"`, "enum"}, {"method", `"get"`, "enum"}, {"skip_module", `"x"`, "type"}, {"time_limit", `1`, "minimum"}, {"url", `"http://localhost/"`, "error"},
	}
)

// broken is an object of breaches, and what must be said of it below a path.
func broken(path string, all []breach) (object string, want []string) {
	var parts []string
	for _, b := range all {
		parts = append(parts, fmt.Sprintf("%q:%s", b.key, b.value))
		want = append(want, path+"."+b.key+" "+b.rule)
	}
	return "{" + strings.Join(parts, ",") + "}", want
}

// Every rule of every schema, broken in every place where it holds, through the real
// server: all faults come back at once, by path and rule, and nothing is stored.
func TestEveryBreachIsToldAndNothingStored(t *testing.T) {
	testkit.CheckLeaks(t)
	s := openBare(t)
	s.ask(201, "PUT", "accounts", `{"id":"acme","name":"Acme"}`)
	const user = "accounts/acme/users/ann"
	s.ask(201, "PUT", "accounts/acme/users", `{"id":"ann","first_name":"Ann","last_name":"Lee"}`)
	s.ask(201, "PUT", "accounts/acme/devices", `{"id":"d1","name":"desk"}`)
	s.ask(201, "PUT", "accounts/acme/callflows", `{"id":"f1","name":"flow","flow":{"module":"play","data":{}}}`)
	s.ask(201, "PUT", "accounts/acme/channels", `{"call_id":"c1"}`)
	paths := []string{"accounts/acme", user, "accounts/acme/devices/d1", "accounts/acme/callflows/f1", "accounts/acme/users", "accounts/acme/devices", "accounts/acme/callflows", "accounts", "accounts/acme/channels/c1"}
	state := func() string {
		var all []string
		for _, p := range paths {
			var out struct {
				Data     any
				Revision string
			}
			if err := json.Unmarshal(s.raw(200, "GET", p, ""), &out); err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprint(p, " ", out))
		}
		return strings.Join(all, "\n")
	}
	before := state()
	check := func(method, path, data string, want []string) {
		t.Helper()
		slices.Sort(want)
		if got := s.faults(400, method, path, `{"data":`+data+`}`); !slices.Equal(got, want) {
			t.Errorf("%s %s %s:\n%q, want\n%q", method, path, data, got, want)
		}
	}
	n := 0
	for _, doc := range []struct{ path, required, levels string }{
		{"accounts/acme", `"name":"Acme"`, "account endpoint -"},
		{user, `"first_name":"A","last_name":"L"`, "-"},
		{"accounts/acme/devices/d1", `"name":"d"`, "-"},
	} {
		for level := range strings.FieldsSeq(doc.levels) {
			for _, cell := range strings.Fields("any.any any.onnet any.offnet inbound.any inbound.onnet inbound.offnet outbound.any outbound.onnet outbound.offnet") {
				for _, breaches := range [][]breach{settingsBroken, settingsBrokenElse} {
					dir, net, _ := strings.Cut(cell, ".")
					place := "call_recording." + cell
					if level != "-" {
						place = "call_recording." + level + "." + cell
					}
					object, want := broken(place, breaches)
					object = fmt.Sprintf(`{%q:{%q:%s}}`, dir, net, object)
					if level != "-" {
						object = fmt.Sprintf(`{%q:%s}`, level, object)
					}
					check("PATCH", doc.path, `{"call_recording":`+object+`}`, slices.Clone(want))
					check("POST", doc.path, `{`+doc.required+`,"call_recording":`+object+`}`, slices.Clone(want))
					n += 2
				}
			}
		}
	}
	call, wantCall := broken("X.data", callBroken)
	caller, wantCaller := broken("X.data", callerBroken)
	for _, at := range []struct{ path, shape string }{
		{"flow", `%s`},
		{"flow.children._", `{"module":"play","data":{},"children":{"_":%s}}`},
		{"flow.children.2.children.x%2Ey", `{"module":"menu","data":{},"children":{"2":{"module":"play","data":{},"children":{"x.y":%s}}}}`},
	} {
		for module, c := range map[string]struct {
			data string
			want []string
		}{"record_call": {call, wantCall}, "record_caller": {caller, wantCaller}, "": {`[]`, []string{"X.data type", "X.module minLength"}}} {
			var want []string
			for _, w := range c.want {
				want = append(want, strings.Replace(w, "X", at.path, 1))
			}
			node := strings.Replace(at.shape, "%s", fmt.Sprintf(`{"module":%q,"data":%s}`, module, c.data), 1)
			check("PATCH", "accounts/acme/callflows/f1", `{"flow":`+node+`}`, slices.Clone(want))
			check("PUT", "accounts/acme/callflows", `{"id":"f2","name":"n","flow":`+node+`}`, slices.Clone(want))
			check("PUT", "accounts/acme/channels", `{"call_id":"c2","flow":`+node+`}`, slices.Clone(want))
			check("POST", "accounts/acme/channels/c1", `{"action":"callflow","flow":`+node+`}`, slices.Clone(want))
			n += 4
		}
	}
	for _, c := range []struct{ method, path, data, want string }{
		{"PUT", "accounts", `{"id":"x/y"}`, "id pattern, name required"},
		{"PUT", "accounts/acme/users", `{"first_name":"","last_name":7.5}`, "first_name minLength, last_name type"},
		{"PUT", "accounts/acme/users", `[]`, "data type"},
		{"PATCH", user, `{"id":"other"}`, "id error"},
		{"PATCH", user, `{"call_recording":[]}`, "call_recording type"},
		{"PATCH", user, `{"call_recording":{"any":{"wan":{}},"up":{}}}`, "call_recording.any.wan additionalProperties, call_recording.up additionalProperties"},
		{"PATCH", "accounts/acme", `{"call_recording":{"account":{},"any":{}}}`, "call_recording.any additionalProperties"},
		{
			"PUT", "accounts/acme/channels", `{"call_id":"","from_network":"lan","callee":{"x":1},"forwarded_by":{"from_network":7},"answered":"x","colour":1}`,
			"answered type, call_id minLength, callee.x additionalProperties, colour additionalProperties, forwarded_by.from_network type, from_network enum",
		},
		{"POST", "accounts/acme/channels/c1", `{"action":"update","callee":7,"to_network":"lan","leg":"caller"}`, "callee type, leg additionalProperties, to_network enum"},
		{"PUT", "accounts/acme/channels/c1", `{"action":"metaflow","data":{"module":"record_call","data":{"action":"start","time_limit":4.5,"format":"x"}}}`, "data.data.format enum, data.data.time_limit type"},
		{"PUT", "tokens", `{"scope":"root","name":7}`, "name type, scope enum"},
	} {
		check(c.method, c.path, c.data, strings.Split(c.want, ", "))
		n++
	}
	if after := state(); after != before {
		t.Errorf("something has changed; was\n%s\nis\n%s", before, after)
	}
	t.Logf("%d requests with faults", n)
}

// Bodies that are no request at all, through the real server.
func TestBodiesThatAreNone(t *testing.T) {
	testkit.CheckLeaks(t)
	s := openBare(t)
	s.ask(201, "PUT", "accounts", `{"id":"acme","name":"Acme"}`)
	const users = "accounts/acme/users"
	big := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"above 1 MB", `{"data":{"first_name":"` + big + `"}}`, 413, "file maxSize"},
		{"1 MB of spaces and more", strings.Repeat(" ", 1<<20) + `{"data":{}}`, 413, "file maxSize"},
		{"empty", "", 400, "json invalid"},
		{"not JSON", `{"data":{"first_name":"x"`, 400, "json invalid"},
		{"two values", `{"data":{}}{"data":{}}`, 400, "json invalid"},
		{"a mark of byte order", "\ufeff" + `{"data":{}}`, 400, "json invalid"},
		{"UTF-16", "\x00{\x00}", 400, "json invalid"},
		{"not UTF-8", "{\"data\":{\"first_name\":\"\xff\xfe\",\"last_name\":\"\xc3\x28\"}}", 400, "json invalid"},
		{"a raw NUL", "{\"data\":{\"first_name\":\"\x00\"}}", 400, "json invalid"},
		{"half a surrogate", `{"data":{"first_name":"\ud800","last_name":"x","id":"sur"}}`, 201, ""},
		{"a key twice", `{"data":{"first_name":"a","first_name":"b","last_name":"c"}}`, 400, "first_name duplicate"},
		{"a key twice, deep", `{"data":{"first_name":"a","last_name":"c","call_recording":{"any":{"any":{"url":"http://h.example/","u\u0072l":"http://127.0.0.1/"}}}}}`, 400, "call_recording.any.any.url duplicate"},
		{"200 levels", `{"data":` + strings.Repeat(`{"a":`, 200) + `1` + strings.Repeat(`}`, 200) + `}`, 400, "json invalid"},
		{"half a million levels", strings.Repeat(`[`, 500_000), 400, "json invalid"},
		{"a document too large", `{"data":{"first_name":"a","last_name":"b","x":"` + big[:300_000] + `"}}`, 413, "data maxSize"},
		{"gzip", "\x1f\x8b\x08\x00", 400, "json invalid"},
		{"a form", "first_name=a&last_name=b", 400, "json invalid"},
	} {
		for _, target := range []struct{ method, path string }{{"PUT", users}, {"PUT", "accounts/acme/channels"}} {
			if target.path != users && (c.status == 201 || c.want == "data maxSize" || strings.Contains(c.want, "duplicate")) {
				continue // it is about documents
			}
			if c.status == 201 {
				s.raw(c.status, target.method, target.path, c.body)
				continue
			}
			if got := s.faults(c.status, target.method, target.path, c.body); !slices.Equal(got, []string{c.want}) {
				t.Errorf("%s, %s: %q, want %q", c.name, target.path, got, c.want)
			}
		}
	}
	if list := s.ask(200, "GET", users, `{}`)["list"].([]any); len(list) != 1 {
		t.Errorf("stored is %v", list)
	}
	if list := s.ask(200, "GET", "accounts/acme/channels", `{}`)["list"].([]any); len(list) != 0 {
		t.Errorf("announced is %v", list)
	}
}

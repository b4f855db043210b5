package main

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"callrec/internal/testkit"
)

// Ids and names that look like paths stay what they are: names. Nothing is read or
// written outside of the data folder, nor where it does not belong inside.
func TestNamesThatLookLikePaths(t *testing.T) {
	testkit.CheckLeaks(t)
	s := openBare(t)
	s.ask(201, "PUT", "accounts", `{"id":"acme","name":"Acme"}`)
	above := filepath.Dir(s.made.data)
	outside := func() (names []string) {
		if err := filepath.WalkDir(above, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(s.made.data, path)
			first, _, _ := strings.Cut(rel, string(filepath.Separator))
			if path != above && !slices.Contains([]string{".", "nats", "spool", "recordings", "admin-token", "worker.json"}, first) {
				names = append(names, rel)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return names
	}
	for _, path := range []string{
		"accounts/..", "accounts/%2e%2e", "accounts/..%2f..%2fetc", "accounts/acme%2f..", "accounts/acme/users/..%2f..%2ftokens", "accounts/acme/users/%00",
		"accounts/acme/recordings/202611-..%2f..%2fadmin-token", "accounts/acme/recordings/..%2fadmin-token", "accounts/acme/../../tokens", "accounts//users",
		"accounts/acme/callflows/%2e%2e%2f%2e%2e%2fadmin-token", "spool/parked/..%2f..%2fadmin-token", "accounts/acme/users/" + strings.Repeat("a", 65), "../v2/tokens/..",
		"accounts/*/users/x", "accounts/%3e/users/x", "accounts/acme/users/a.b", "accounts/acme/tokens/..%2f..",
	} {
		for _, method := range []string{"GET", "DELETE", "POST"} {
			r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.apiAddr, strings.NewReader(`{"data":{"action":"retry"}}`))
			if err != nil {
				t.Fatal(err)
			}
			r.URL.Opaque = "//" + s.apiAddr + "/v2/" + path // as it is: nothing is cleaned
			r.Header.Set("X-Auth-Token", s.token)
			resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != 404 && resp.StatusCode != 405 || !json.Valid(text) || bytes.Contains(text, []byte(s.token)) {
				t.Errorf("%s %s: %d %s", method, path, resp.StatusCode, text)
			}
		}
	}
	for _, id := range []string{"..", ".", "../x", "a/b", "a\\\\b", "", " ", "a.b", "é", "*", ">", strings.Repeat("a", 65)} {
		if got := s.faults(400, "PUT", "accounts", `{"data":{"id":"`+id+`","name":"x"}}`); !slices.Equal(got, []string{"id pattern"}) {
			t.Errorf("%q: %q", id, got)
		}
	}
	// A call id may be anything, and so may whom it names: they become no path.
	const evil = "../../../../evil"
	s.ask(201, "PUT", "accounts/acme/channels", `{"call_id":"`+evil+`","other_leg_call_id":"../b","from":"../../f","caller":{"user_id":"../../u","device_id":"/etc/passwd"},"callee":{"user_id":".."},
	  "flow":{"module":"record_call","data":{"action":"start","format":"wav","media_name":"../../../m.wav","label":"/../x"}}}`)
	s.faults(400, "PUT", "accounts/acme/channels", `{"data":{"call_id":"c2","callflow_id":"../../admin-token"}}`)
	s.ask(200, "POST", "accounts/acme/channels/..%2F..%2F..%2F..%2Fevil", `{"action":"hangup"}`)
	doc := until(t, func() (map[string]any, bool) {
		list, _ := s.ask(200, "GET", "accounts/acme/recordings?filter_state=delivered", `{}`)["list"].([]any)
		if len(list) == 0 {
			return nil, false
		}
		return list[0].(map[string]any), true
	})
	if doc["call_id"] != evil || doc["name"] != "../../../m.wav" {
		t.Errorf("%v", doc)
	}
	if file := s.raw(200, "GET", "accounts/acme/recordings/"+doc["id"].(string), "", "Accept", "audio/*"); !bytes.HasPrefix(file, []byte("RIFF")) {
		t.Errorf("%.30q", file)
	}
	if names := outside(); len(names) > 0 {
		t.Errorf("there are %v", names)
	}
	if found, err := filepath.Glob(filepath.Join(s.made.data, "recordings", "acme", "*", "*", "*", doc["id"].(string)+".wav")); err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
}

// A url that leads into the machine or its network is refused when it is stored, in
// every place that takes one. What a name hides is found out when it is dialled.
func TestURLsThatLeadInside(t *testing.T) {
	testkit.CheckLeaks(t)
	s := openBare(t)
	s.ask(201, "PUT", "accounts", `{"id":"acme","name":"Acme"}`)
	s.ask(201, "PUT", "accounts/acme/users", `{"id":"ann","first_name":"Ann","last_name":"Lee"}`)
	s.ask(201, "PUT", "accounts/acme/callflows", `{"id":"f1","flow":{"module":"play","data":{}}}`)
	s.ask(201, "PUT", "accounts/acme/channels", `{"call_id":"c1"}`)
	for _, url := range []string{
		"http://127.0.0.1/", "http://u:hidden@127.0.0.1:8000/v2/tokens", "http://localhost./x", "http://a.localhost/", "http://0.0.0.0/", "http://2130706433/", "http://0x7f.1/",
		"http://169.254.169.254/latest/meta-data", "http://169.254.1.1/", "http://10.0.0.1/", "http://192.168.1.1/", "http://100.64.0.1/", "http://[::1]/", "http://[fe80::1]/",
		"http://[::ffff:127.0.0.1]/", "http://[::ffff:169.254.169.254]/", "http://[fd00:ec2::254]/", "file:///etc/passwd", "s3://bucket/x", "gopher://h.example/", "HTTP://h.example/",
	} {
		settings := `{"action":"start","url":"` + url + `"}`
		for _, c := range []struct{ method, path, data, want string }{
			{"PATCH", "accounts/acme", `{"call_recording":{"endpoint":{"any":{"any":{"url":"` + url + `"}}}}}`, "call_recording.endpoint.any.any.url error"},
			{"PATCH", "accounts/acme/users/ann", `{"call_recording":{"any":{"any":{"url":"` + url + `"}}}}`, "call_recording.any.any.url error"},
			{"PATCH", "accounts/acme/callflows/f1", `{"flow":{"module":"record_call","data":` + settings + `}}`, "flow.data.url error"},
			{"PUT", "accounts/acme/channels", `{"call_id":"c2","flow":{"module":"record_call","data":` + settings + `}}`, "flow.data.url error"},
			{"PUT", "accounts/acme/channels/c1", `{"action":"metaflow","data":{"module":"record_call","data":` + settings + `}}`, "data.data.url error"},
		} {
			if got := s.faults(400, c.method, c.path, `{"data":`+c.data+`}`); !slices.Equal(got, []string{c.want}) {
				t.Errorf("%s %s %s: %q", c.method, c.path, url, got)
			}
			if text := s.raw(400, c.method, c.path, `{"data":`+c.data+`}`); bytes.Contains(text, []byte("hidden")) {
				t.Errorf("a password came back: %s", text)
			}
		}
	}
	name := insideName(t)
	reached := false
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	receiver := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	_ = receiver.Listener.Close()
	receiver.Listener = l
	receiver.Start()
	defer receiver.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s.ask(200, "PATCH", "accounts/acme/users/ann", `{"call_recording":{"any":{"any":{"enabled":true,"format":"wav","url":"http://`+name+`:`+port+`/"}}}}`)
	s.ask(201, "PUT", "accounts/acme/channels", `{"call_id":"dns","from_network":"onnet","caller":{"user_id":"ann"}}`)
	s.ask(200, "POST", "accounts/acme/channels/dns", `{"action":"hangup"}`)
	doc := until(t, func() (map[string]any, bool) {
		list, _ := s.ask(200, "GET", "accounts/acme/recordings?filter_state=parked", `{}`)["list"].([]any)
		if len(list) == 0 {
			return nil, false
		}
		return list[0].(map[string]any), true
	})
	if reason, _ := doc["reason"].(string); reached || !strings.Contains(reason, "--allow-target") {
		t.Errorf("reached: %v; %v", reached, doc)
	}
}

// insideName is a name that says nothing of where it leads, and leads to this machine.
func insideName(t *testing.T) string {
	t.Helper()
	name, err := os.Hostname()
	if err != nil {
		t.Skip("this machine has no name: ", err)
	}
	addrs, err := net.DefaultResolver.LookupNetIP(t.Context(), "ip", name)
	inside := len(addrs) > 0
	for _, a := range addrs {
		a = a.Unmap()
		inside = inside && (a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast())
	}
	if err != nil || !inside || strings.HasPrefix(name, "localhost") {
		t.Skipf("the machine's name %s leads to %v, %v: none that is always refused", name, addrs, err)
	}
	return name
}

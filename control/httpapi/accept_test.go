package httpapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"callrec/control/httpapi"
	"callrec/recording"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares an answer with testdata/name.json.
func golden(t *testing.T, name string, answer map[string]any) {
	t.Helper()
	got, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("answer\n%s\nwant, as in %s,\n%s", got, file, want)
	}
}

// full is an announcement with every field there is.
const full = `{"data": {"call_id": "abc123@10.0.0.1", "other_leg_call_id": "def456@10.0.0.1",
  "from": "1001@acme.example", "to": "sip:+15551234567@acme.example", "caller_id_name": "Ann Lee", "caller_id_number": "1001",
  "from_network": "onnet", "to_network": "offnet",
  "caller": {"user_id": "U1", "device_id": "D1"}, "callee": {},
  "answered": true, "bridged": false,
  "legs": [{"leg": "caller", "source": "192.0.2.7:30010", "label": "2"}, {"leg": "callee", "source": "[2001:db8::7]", "label": "1"}],
  "flow": {"module": "record_call", "name": "x", "data": {"action": "start", "format": "wav", "url": "http://192.0.2.1/", "time_limit": 60.0, "colour": "red"},
    "children": {"timeout": {"module": "record_call", "data": {"action": "stop"}}}},
  "sdp": "v=0\nc=IN IP4 192.0.2.8\nm=audio 5000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\na=label:1\nm=audio 5002 RTP/AVP 18 8\na=label:2\n",
  "at": "2026-11-23T09:29:59.500+01:00"}, "auth_token": "` + token + `"}`

func TestAnnounce(t *testing.T) {
	d := newDoor(t)
	status, out, header := d.send(t, "PUT", channels, full, "X-Request-ID", "req-1")
	if status != 201 {
		t.Fatalf("%d %v", status, out)
	}
	golden(t, "announce", out)
	if got := header.Get("Location"); got != channels+"/abc123@10.0.0.1" {
		t.Errorf("Location %q", got)
	}
	spec := d.calls[recording.CallID{Account: "acme", Call: "abc123@10.0.0.1"}].Spec
	if len(spec.Flow) != 1 || spec.Flow[0].Start.Origin != "callflow : +15551234567" || spec.Flow[0].Start.Leg != recording.Caller {
		t.Errorf("flow %+v", spec.Flow)
	}
	spec.Flow, spec.Offer = nil, ""
	want := recording.CallSpec{
		ID: recording.CallID{Account: "acme", Call: "abc123@10.0.0.1"}, OtherLegCallID: "def456@10.0.0.1",
		From: "1001@acme.example", To: "sip:+15551234567@acme.example", CallerIDName: "Ann Lee", CallerIDNumber: "1001",
		FromNetwork: "onnet", ToNetwork: "offnet", Parties: [2]recording.Party{{UserID: "U1", DeviceID: "D1"}},
		Answered: true, At: clock.Add(-750 * time.Millisecond),
		Legs: []recording.LegSpec{
			{Leg: recording.Caller, Label: "2", Source: netip.MustParseAddrPort("192.0.2.7:30010"), Offered: netip.MustParseAddrPort("192.0.2.8:5002"), Payloads: map[uint8]recording.Payload{18: recording.PayloadNone, 8: recording.PayloadPCMA}},
			{Leg: recording.Callee, Label: "1", Source: netip.MustParseAddrPort("[2001:db8::7]:0"), Offered: netip.MustParseAddrPort("192.0.2.8:5000"), Payloads: map[uint8]recording.Payload{0: recording.PayloadPCMU, 101: recording.PayloadEvents}},
		},
	}
	if !reflect.DeepEqual(spec, want) {
		t.Errorf("spec\n%+v\nwant\n%+v", spec, want)
	}

	status, again, _ := d.send(t, "PUT", channels, full, "X-Request-ID", "req-1")
	if status != 200 || !reflect.DeepEqual(again, out) {
		t.Errorf("the same again: %d %v, want 200 %v", status, again, out)
	}
	got, _, _ := d.send(t, "GET", channels+"/abc123@10.0.0.1", "")
	if got != 200 {
		t.Errorf("GET: %d", got)
	}
	if strings.Contains(d.log.String(), token) {
		t.Error("the token is in the log")
	}
}

func TestAnnounceLittle(t *testing.T) {
	d := newDoor(t)
	status, out, _ := d.send(t, "PUT", channels+"/", `{"data":{"call_id":"c1"}}`, "X-Request-ID", "req-1")
	if status != 201 {
		t.Fatalf("%d %v", status, out)
	}
	golden(t, "little", out)
	if spec := d.calls[recording.CallID{Account: "acme", Call: "c1"}].Spec; !reflect.DeepEqual(spec, recording.CallSpec{ID: recording.CallID{Account: "acme", Call: "c1"}, At: clock}) {
		t.Errorf("spec %+v", spec)
	}
}

func TestActions(t *testing.T) {
	tests := []struct {
		method, body string
		want         recording.Command
	}{
		{"POST", `{"data":{"action":"answer"}}`, recording.Command{Action: recording.Answer}},
		{"POST", `{"data":{"action":"answer","leg":"callee"}}`, recording.Command{Action: recording.Answer, Leg: recording.Callee}},
		{"POST", `{"data":{"action":"bridge"}}`, recording.Command{Action: recording.Bridge}},
		{"POST", `{"data":{"action":"hangup"}}`, recording.Command{Action: recording.Hangup}},
		{"POST", `{"data":{"action":"transfer","leg":"callee"}}`, recording.Command{Action: recording.Transfer, Leg: recording.Callee}},
		{"POST", `{"data":{"action":"transfer","leg":"caller","call_id":"c2","party":{"user_id":"U","device_id":"D"}}}`, recording.Command{Action: recording.Transfer, CallID: "c2", Party: recording.Party{UserID: "U", DeviceID: "D"}}},
		{"PUT", metaflow(`"action":"stop"`), recording.Command{Action: recording.Stop}},
		{"PUT", metaflow(`"action":"stop","id":"r1","media_name":"m","time_limit":9`), recording.Command{Action: recording.Stop, Recording: "r1", MediaName: "m"}},
		{"PUT", metaflow(`"action":"mask"`), recording.Command{Action: recording.Mask}},
		{"PUT", metaflow(`"action":"unmask"`), recording.Command{Action: recording.Unmask}},
		{"PUT", metaflow(`"action":"toggle"`), recording.Command{Action: recording.Toggle}},
		{"PUT", metaflow(``), recording.Command{Action: recording.Toggle}},
		{"PUT", `{"data":{"action":"metaflow","data":{"module":"record_call"}}}`, recording.Command{Action: recording.Toggle}},
	}
	for _, c := range tests {
		d := newDoor(t)
		d.must(t, 201, "PUT", channels, flowData(`"format":"wav"`))
		d.must(t, 200, c.method, call, c.body)
		c.want.At = clock
		if len(d.commands) != 1 || !reflect.DeepEqual(d.commands[0], c.want) {
			t.Errorf("%s: %+v, want %+v", c.body, d.commands, c.want)
		}
	}
}

// An update brings what it says of the legs to the recorder, and the new answer back.
func TestUpdate(t *testing.T) {
	d := newDoor(t)
	const offer = `v=0\nc=IN IP4 192.0.2.8\nm=audio 5000 RTP/AVP 0\na=label:1\n`
	d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1","sdp":"`+offer+`","flow":{"module":"record_call","data":{"action":"start"}}}}`)
	data := d.must(t, 200, "POST", call, `{"data":{"action":"update","sdp":"`+strings.Replace(offer, "5000", "5010", 1)+`a=inactive\n"}}`)
	change := d.commands[0].Change
	want := []recording.LegSpec{{
		Leg: recording.Caller, Label: "1", Payloads: map[uint8]recording.Payload{0: recording.PayloadPCMU}, Source: netip.MustParseAddrPort("192.0.2.8:5010"),
		Offered: netip.MustParseAddrPort("192.0.2.8:5010"), Reports: netip.MustParseAddrPort("192.0.2.8:5011"),
	}}
	if !reflect.DeepEqual(change.Legs, want) || !strings.Contains(change.Offer, "inactive") {
		t.Errorf("change %+v, want legs %+v", change, want)
	}
	if sdp := data["sdp"].(string); !strings.Contains(sdp, "a=inactive\r\n") || !strings.Contains(sdp, "m=audio 20000 ") {
		t.Errorf("answer %q", sdp)
	}
	d.must(t, 200, "POST", call, `{"data":{"action":"update","legs":[{"leg":"callee","source":"192.0.2.9","label":"z"}]}}`)
	want = []recording.LegSpec{{Leg: recording.Callee, Label: "z", Source: netip.MustParseAddrPort("192.0.2.9:0")}}
	if got := d.commands[1].Change; got.Offer != "" || !reflect.DeepEqual(got.Legs, want) {
		t.Errorf("change %+v, want legs %+v", got, want)
	}
	for _, bad := range []string{`"sdp":"x"`, `"sdp":""`, `"legs":[{"leg":"nobody"}]`, `"legs":[{"leg":"caller","source":"x"}]`, `"leg":"caller"`, `"flow":{}`, `"from":1`, `"call_id":"x"`, `"callee":{"name":"x"}`, `"to_network":"lan"`, `"forwarded_by":{}`, `"colour":"red"`} {
		if status, out, _ := d.send(t, "POST", call, `{"data":{"action":"update",`+bad+`}}`); status != 400 {
			t.Errorf("%s: %d %v", bad, status, out)
		}
	}
	if len(d.commands) != 2 {
		t.Errorf("%d commands", len(d.commands))
	}
}

func TestMetaflowStart(t *testing.T) {
	d := newDoor(t)
	d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1","to":"1002@acme.example"}}`)
	data := d.must(t, 200, "PUT", call, metaflow(`"action":"start","format":"wav","colour":"red"`))
	if legs := data["legs"].([]any); len(legs) != 2 {
		t.Errorf("legs %v", legs)
	}
	if w, _ := data["warnings"].([]any); len(w) != 1 || !strings.Contains(w[0].(string), "data.data.colour") {
		t.Errorf("warnings %v", data["warnings"])
	}
	d.must(t, 200, "PUT", call, metaflow(`"action":"start","origin":"by hand"`))
	data = d.must(t, 200, "PUT", call, metaflow(`"action":"stop"`))
	var origins []string
	for _, rec := range data["recordings"].([]any) {
		origins = append(origins, rec.(map[string]any)["origin"].(string))
	}
	if want := []string{"untracked : 1002", "by hand"}; !reflect.DeepEqual(origins, want) {
		t.Errorf("origins %q, want %q", origins, want)
	}
	_, out, _ := d.send(t, "GET", channels, "", "X-Request-ID", "req-1")
	golden(t, "list", out)
	_, out, _ = d.send(t, "GET", "/v2/accounts/other/channels", "", "X-Request-ID", "req-1")
	golden(t, "list_empty", out)
}

// A metaflow's integers have no bounds: what cannot be is brought to what can, with a
// warning, and the call is recorded.
func TestMetaflowBounds(t *testing.T) {
	d := newDoor(t)
	d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1"}}`)
	for said, want := range map[string]string{
		`"time_limit":0`:      "time_limit of 0 cannot be; it counts as 3600",
		`"time_limit":-7`:     "time_limit of -7 cannot be; it counts as 3600",
		`"time_limit":1`:      "time_limit of 1 cannot be; it counts as 5",
		`"time_limit":99999`:  "time_limit of 99999 cannot be; it counts as 10800",
		`"time_limit":10800`:  "",
		`"record_min_sec":-1`: "record_min_sec of -1 cannot be; it counts as 0",
		`"record_min_sec":3000000000,"record_sample_rate":0`: "record_sample_rate of 0 cannot be; it counts as not given",
		`"record_sample_rate":44000`:                         "record_sample_rate of 44000 cannot be; it counts as 44100",
		`"record_sample_rate":7`:                             "record_sample_rate of 7 cannot be; it counts as 8000",
		`"record_sample_rate":192000`:                        "record_sample_rate of 192000 cannot be; it counts as 48000",
		`"record_sample_rate":11025,"record_min_sec":0`:      "",
	} {
		warnings := list(d.must(t, 200, "PUT", call, metaflow(`"action":"start","format":"wav",`+said))["warnings"])
		if want == "" && len(warnings) > 0 || want != "" && (len(warnings) != 1 || warnings[0] != "data.data."+want) {
			t.Errorf("%s: warnings %q, want %q", said, warnings, want)
		}
	}
	if len(d.commands) != 11 {
		t.Errorf("%d recordings began, want 11", len(d.commands))
	}
}

// A call id may hold any byte; over a real server, because paths are its matter.
func TestCallIDs(t *testing.T) {
	d := newDoor(t)
	server := httptest.NewServer(d)
	defer server.Close()
	for _, id := range []string{"a/b", "//", "..", ".", "a%2Fb", "a b?c#d", "é\x00\n", "+;=,@:", strings.Repeat("x", 255)} {
		body, err := json.Marshal(map[string]any{"data": map[string]any{"call_id": id}})
		if err != nil {
			t.Fatal(err)
		}
		status, header := overHTTP(t, server, "PUT", channels, string(body))
		if status != 201 {
			t.Errorf("%q: announced with %d", id, status)
			continue
		}
		place := header.Get("Location")
		if status, _ := overHTTP(t, server, "POST", place, `{"data":{"action":"hangup"}}`); status != 200 {
			t.Errorf("%q: %s answers %d", id, place, status)
		}
		escaped := ""
		for i := range len(id) {
			escaped += "%" + string("0123456789ABCDEF"[id[i]>>4]) + string("0123456789ABCDEF"[id[i]&15])
		}
		if status, _ := overHTTP(t, server, "GET", channels+"/"+escaped, ""); status != 200 {
			t.Errorf("%q: %s answers %d", id, escaped, status)
		}
	}
	if status, _ := overHTTP(t, server, "GET", channels+"/%FF%FE", ""); status != 404 {
		t.Errorf("an id that is not UTF-8: %d", status)
	}
}

func overHTTP(t testing.TB, server *httptest.Server, method, path, body string) (int, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	decoded, err := url.PathUnescape(path)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	r.URL.Path, r.URL.RawPath = decoded, path
	r.Header.Set("Authorization", "bearer "+token)
	response, err := server.Client().Do(r)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	var out map[string]any
	if err := json.NewDecoder(response.Body).Decode(&out); err != nil {
		t.Errorf("%s %s: %v", method, path, err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	return response.StatusCode, response.Header
}

func TestRequestID(t *testing.T) {
	d := newDoor(t)
	for sent, kept := range map[string]bool{"a-b_c.1:2": true, "": false, "a b": false, "x\ny": false, "<script>": false, strings.Repeat("x", 129): false} {
		_, out, header := d.send(t, "GET", channels, "", "X-Request-ID", sent)
		id := out["request_id"].(string)
		if kept != (id == sent) || !kept && len(id) != 32 || header.Get("X-Request-ID") != id {
			t.Errorf("%q became %q", sent, id)
		}
	}
}

// A step of the wall clock between two commands must move neither.
func TestInstantKeepsMonotonicReading(t *testing.T) {
	f := newFake()
	c := config(f, new(bytes.Buffer))
	received := time.Now()
	c.Now = func() time.Time { return received }
	h, err := httpapi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	d := &door{Handler: h, fake: f, log: new(bytes.Buffer)}
	d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1"}}`)
	at := received.Round(0).Add(-300 * time.Millisecond).Truncate(time.Millisecond)
	d.must(t, 200, "POST", call, `{"data":{"action":"answer","at":"`+at.Format("2006-01-02T15:04:05.000Z07:00")+`"}}`)
	got := f.commands[0].At
	if !strings.Contains(got.String(), "m=") || !got.Round(0).Equal(at) || received.Sub(got) != received.Round(0).Sub(at) {
		t.Errorf("instant %v, want %v with a monotonic reading", got, at)
	}
}

// A clock that took long to read is read again: its two readings do not belong together.
// The first reading is never taken, as nobody knows how long that took.
func TestInstantIsOfOneReading(t *testing.T) {
	f := newFake()
	c := config(f, new(bytes.Buffer))
	start := time.Now()
	var after []time.Duration // of the next readings
	c.Now = func() time.Time {
		next := after[0]
		after = append(after[1:], next+1)
		return start.Add(next)
	}
	h, err := httpapi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	d := &door{Handler: h, fake: f, log: new(bytes.Buffer)}
	after = []time.Duration{0}
	d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1"}}`)
	for n, want := range []time.Duration{1000, 1_002_000} {
		after = [][]time.Duration{{0, 1000}, {0, 1_000_000, 1_002_000}}[n]
		d.must(t, 200, "POST", call, `{"data":{"action":"answer"}}`)
		if got := f.commands[n].At; got != start.Add(want) {
			t.Errorf("instant %v, want %v after %v", got, want, start)
		}
	}
}

// Clients do not wait for one another.
func TestConcurrent(t *testing.T) {
	d := newDoor(t)
	server := httptest.NewServer(d)
	defer server.Close()
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for j := range 20 {
				id := fmt.Sprintf("c%d-%d", i, j)
				put, _ := overHTTP(t, server, "PUT", channels, strings.Replace(full, "abc123@10.0.0.1", id, 1))
				post, _ := overHTTP(t, server, "POST", channels+"/"+id, `{"data":{"action":"hangup"}}`)
				if put != 201 || post != 200 {
					t.Errorf("%s: %d, %d", id, put, post)
				}
			}
		})
	}
	wait.Wait()
	if n := len(d.calls); n != 160 {
		t.Errorf("%d calls, want 160", n)
	}
}

package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"callrec/control/httpapi"
	"callrec/recording"
)

func textLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

const (
	channels = "/v2/accounts/acme/channels"
	call     = channels + "/c1"
)

// flowData is an announcement with these settings in its flow.
func flowData(settings string) string {
	return `{"data":{"call_id":"c1","flow":{"module":"record_call","data":{"action":"start",` + settings + `}}}}`
}

// refusal is a body that must be refused; want lists "path rule" pairs, all of
// those in the answer and no other.
type refusal struct {
	name, body string
	want       []string
}

var badAnnouncements = []refusal{
	{"empty body", "", []string{"json invalid"}},
	{"white space", " \n", []string{"json invalid"}},
	{"not JSON", `{"data":`, []string{"json invalid"}},
	{"trailing garbage", `{"data":{"call_id":"c1"}} x`, []string{"json invalid"}},
	{"two values", `{"data":{"call_id":"c1"}}{}`, []string{"json invalid"}},
	{"not UTF-8", "{\"data\":{\"call_id\":\"\xff\"}}", []string{"json invalid"}},
	{"not an object", `[1]`, []string{"json invalid"}},
	{"too deep", `{"data":` + strings.Repeat("[", 120) + strings.Repeat("]", 120) + `}`, []string{"json invalid"}},
	{"too deep for any stack", strings.Repeat("[", 500000), []string{"json invalid"}},
	{"key twice", `{"data":{"call_id":"c1","flow":{"module":"record_call","data":{"action":"start","format":"wav","for\u006dat":"mp3"}}}}`, []string{"flow.data.format duplicate"}},
	{"data twice", `{"data":{"call_id":"c1"},"data":{"call_id":"c2"}}`, []string{"data duplicate"}},
	{"huge exponent", `{"data":{"call_id":1e999999999}}`, []string{"call_id invalid"}},
	{"tiny exponent", `{"data":{"call_id":1e-999999999}}`, []string{"call_id type"}},
	{"no data", `{}`, []string{"call_id required"}},
	{"data null", `{"data":null}`, []string{"data type"}},
	{"data a list", `{"data":[]}`, []string{"data type"}},
	{"unknown in envelope", `{"dat.a":1,"data":{}}`, []string{"dat%2Ea additionalProperties"}},
	{"unknown fields", `{"data":{"call_id":"c1","Flow":{},"a.b":1}}`, []string{"Flow additionalProperties", "a%2Eb additionalProperties"}},
	{"wrong types", `{"data":{"call_id":1,"from":null,"answered":"yes","caller":[],"legs":{},"sdp":1,"at":1,"flow":[]}}`, []string{
		"call_id type", "from type", "answered type", "caller type", "legs type", "sdp type", "at type", "flow type",
	}},
	{"empty call_id", `{"data":{"call_id":""}}`, []string{"call_id minLength"}},
	{"long call_id", `{"data":{"call_id":"` + strings.Repeat("x", 256) + `"}}`, []string{"call_id maxLength"}},
	{"call_id long in bytes", `{"data":{"call_id":"` + strings.Repeat("é", 128) + `"}}`, []string{"call_id maxLength"}},
	{"network", `{"data":{"call_id":"c1","from_network":"lan","to_network":""}}`, []string{"from_network enum", "to_network enum"}},
	{"party", `{"data":{"call_id":"c1","caller":{"user":"U"}}}`, []string{"caller.user additionalProperties"}},
	{"legs", `{"data":{"call_id":"c1","legs":[{"source":"192.0.2.1"},{"leg":"third"}]}}`, []string{"legs.0.leg required", "legs.1.leg enum"}},
	{"three legs", `{"data":{"call_id":"c1","legs":[{"leg":"caller"},{"leg":"callee"},{"leg":"caller"}]}}`, []string{"legs maxItems", "legs.2.leg uniqueItems"}},
	{"sources", `{"data":{"call_id":"c1","legs":[{"leg":"caller","source":"sbc.example:5"},{"leg":"callee","source":"192.0.2.1:99999"}]}}`, []string{"legs.0.source wrong_format", "legs.1.source wrong_format"}},
	{"source of nobody", `{"data":{"call_id":"c1","legs":[{"leg":"caller","source":"0.0.0.0:5"},{"leg":"callee","source":"[fe80::1%eth0]:5"}]}}`, []string{"legs.0.source wrong_format", "legs.1.source wrong_format"}},
	{"bare IPv6", `{"data":{"call_id":"c1","legs":[{"leg":"caller","source":"2001:db8::1"},{"leg":"callee","source":""}]}}`, []string{"legs.0.source wrong_format", "legs.1.source wrong_format"}},
	{"labels", `{"data":{"call_id":"c1","legs":[{"leg":"caller","label":"1"},{"leg":"callee","label":"1"}]}}`, []string{"legs.1.label uniqueItems"}},
	{"label not in sdp", `{"data":{"call_id":"c1","legs":[{"leg":"caller","label":"9"}],"sdp":"v=0\nm=audio 5000 RTP/AVP 0\na=label:1\n"}}`, []string{"sdp error"}},
	{"sdp", `{"data":{"call_id":"c1","sdp":"v=0\nm=audio 5000 RTP/AVP 9\n"}}`, []string{"sdp error"}},
	{"srtp", `{"data":{"call_id":"c1","sdp":"v=0\nm=audio 5000 RTP/SAVP 0\n"}}`, []string{"sdp error"}},
	{"at", `{"data":{"call_id":"c1","at":"yesterday"}}`, []string{"at wrong_format"}},
	{"at empty", `{"data":{"call_id":"c1","at":""}}`, []string{"at wrong_format"}},
	{"at too late", `{"data":{"call_id":"c1","at":"2026-11-23T08:30:01.251Z"}}`, []string{"at maximum"}},
	{"flow empty", `{"data":{"call_id":"c1","flow":{}}}`, []string{"flow.module required", "flow.data required"}},
	{"flow without action", `{"data":{"call_id":"c1","flow":{"module":"record_call","data":{}}}}`, []string{"flow.data.action required"}},
	{"module of a child", `{"data":{"call_id":"c1","flow":{"module":"record_call","data":{"action":"stop"},"children":{"_":{"module":"","data":{}}}}}}`, []string{"flow.children._.module minLength"}},
	{"record_caller", `{"data":{"call_id":"c1","flow":{"module":"play","data":{},"children":{"_":{"module":"record_caller","data":{"method":"get","time_limit":4,"format":"ogg"}}}}}}`, []string{
		"flow.children._.data.format enum", "flow.children._.data.method enum", "flow.children._.data.time_limit minimum",
	}},
	{"rate", flowData(`"record_sample_rate":44000`), []string{"flow.data.record_sample_rate enum"}},
	{"rate out of range", flowData(`"record_sample_rate":1e300`), []string{"flow.data.record_sample_rate enum"}},
	{"rate not whole", flowData(`"record_sample_rate":8000.5`), []string{"flow.data.record_sample_rate type"}},
	{"bad url", flowData(`"url":"://"`), []string{"flow.data.url error", "flow.data.url wrong_format"}},
	{"forbidden url", flowData(`"url":"ftp://user:hidden@host/"`), []string{"flow.data.url error"}},
	{"everything at once", flowData(`"format":"ogg","channels":"5.1","method":"get","time_limit":4,"record_min_sec":-1,"record_sample_rate":1,"record_on_answer":1`), []string{
		"flow.data.format enum", "flow.data.channels enum", "flow.data.method enum", "flow.data.time_limit minimum",
		"flow.data.record_min_sec minimum", "flow.data.record_sample_rate enum", "flow.data.record_on_answer type",
	}},
	{"time_limit above", flowData(`"time_limit":10801`), []string{"flow.data.time_limit maximum"}},
	{"long flow", `{"data":{"call_id":"c1","flow":` + chain(17) + `}}`, []string{"flow" + strings.Repeat(".children._", 16) + " maxDepth"}},
	{"faults of all kinds together", `{"data":{"call_id":"","at":"x","sdp":"x","legs":[{"leg":"caller","source":"x"}],"flow":{"module":"record_call","data":{"action":"go"}}}}`, []string{
		"call_id minLength", "at wrong_format", "sdp error", "legs.0.source wrong_format", "flow.data.action enum",
	}},
}

// chain is a flow of n record_call nodes.
func chain(n int) string {
	out := `{"module":"record_call","data":{"action":"stop"}}`
	for range n - 1 {
		out = `{"module":"record_call","data":{"action":"stop"},"children":{"_":` + out + `}}`
	}
	return out
}

var badActions = []refusal{
	{"no action", `{"data":{}}`, []string{"action required"}},
	{"unknown action", `{"data":{"action":"metaflow"}}`, []string{"action enum"}},
	{"leg", `{"data":{"action":"answer","leg":"a"}}`, []string{"leg enum"}},
	{"leg of a hangup", `{"data":{"action":"hangup","leg":"caller"}}`, []string{"leg additionalProperties"}},
	{"flow of an answer", `{"data":{"action":"answer","flow":{"module":"record_call","data":{"action":"stop"}}}}`, []string{"flow additionalProperties"}},
	{"transfer of nobody", `{"data":{"action":"transfer"}}`, []string{"leg required"}},
	{"transfer", `{"data":{"action":"transfer","leg":"x","call_id":"","party":{"name":"x"},"sdp":"x","flow":{"module":"play","data":{}}}}`, []string{
		"leg enum", "call_id minLength", "party.name additionalProperties", "sdp additionalProperties", "flow additionalProperties",
	}},
	{"party of an answer", `{"data":{"action":"answer","party":{},"call_id":"x"}}`, []string{"party additionalProperties", "call_id additionalProperties"}},
	{"long call id of a transfer", `{"data":{"action":"transfer","leg":"caller","call_id":"` + strings.Repeat("é", 128) + `"}}`, []string{"call_id maxLength"}},
	{"callflow without flow", `{"data":{"action":"callflow"}}`, []string{"flow required"}},
	{"unknown field", `{"data":{"action":"answer","legs":"caller"}}`, []string{"legs additionalProperties"}},
	{"at", `{"data":{"action":"answer","at":"2026-11-23T08:30:02Z"}}`, []string{"at maximum"}},
}

var badMetaflows = []refusal{
	{"empty", `{"data":{}}`, []string{"action required", "data required"}},
	{"action", `{"data":{"action":"hangup","data":{"module":"record_call"}}}`, []string{"action enum"}},
	{"module", `{"data":{"action":"metaflow","data":{"module":"play","data":{"action":1}}}}`, []string{"data.module enum"}},
	{"inner action", `{"data":{"action":"metaflow","data":{"module":"record_call","data":{"action":"pause"}}}}`, []string{"data.data.action enum"}},
	{"settings", `{"data":{"action":"metaflow","data":{"module":"record_call","data":{"action":"start","time_limit":1.5,"record_sample_rate":"8k"}}}}`, []string{"data.data.time_limit type", "data.data.record_sample_rate type"}},
	{"id of a start", `{"data":{"action":"metaflow","data":{"module":"record_call","data":{"action":"start","id":"x"}}}}`, []string{"data.data.id error"}},
	{"at", `{"data":{"action":"metaflow","data":{"module":"record_call","data":{"action":"mask","at":"noon"}}}}`, []string{"data.data.at wrong_format"}},
	{"unknown field", `{"data":{"action":"metaflow","data":{"module":"record_call","x":1}}}`, []string{"data.x additionalProperties"}},
}

func TestRefusals(t *testing.T) {
	for _, group := range []struct {
		method, path string
		cases        []refusal
	}{{"PUT", channels, badAnnouncements}, {"POST", call, badActions}, {"PUT", call, badMetaflows}} {
		for _, c := range group.cases {
			t.Run(group.method+" "+group.path+" "+c.name, func(t *testing.T) {
				d := newDoor(t)
				if group.path == call {
					d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1"}}`)
				}
				status, out, _ := d.send(t, group.method, group.path, c.body)
				if status != 400 || out["message"] != "validation error" || out["error"] != "400" || out["status"] != "error" {
					t.Fatalf("%d %v", status, out)
				}
				got := make(map[string]bool)
				for path, rules := range out["data"].(map[string]any) {
					for rule, detail := range rules.(map[string]any) {
						got[path+" "+rule] = true
						if detail.(map[string]any)["message"] == "" {
							t.Errorf("%s %s has no message", path, rule)
						}
					}
				}
				for _, w := range c.want {
					if !got[w] {
						t.Errorf("%q is not in %v", w, out["data"])
					}
				}
				if len(got) != len(c.want) {
					t.Errorf("problems %v, want %v", out["data"], c.want)
				}
				if text, _ := json.Marshal(out); strings.Contains(string(text), "hidden") {
					t.Errorf("a password came back: %s", text)
				}
				if len(d.commands) != 0 || d.started != 0 {
					t.Error("something was done all the same")
				}
			})
		}
	}
}

// Many faults below a long key: the answer must stay small and come soon.
func TestManyFaults(t *testing.T) {
	long := strings.Repeat("k", 400_000)
	var keys, same strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&keys, `"a%d":1,`, i)
		same.WriteString(`"a":1,`)
	}
	for name, body := range map[string]string{
		"wrong children":  `{"data":{"flow":{"children":{"` + long + `":{"children":{` + keys.String() + `"z":1}}}}}}`,
		"equal keys":      `{"data":{"` + long + `":{` + same.String() + `"a":1}}}`,
		"unknown fields":  `{"data":{` + keys.String() + `"z":1}}`,
		"below the top":   `{` + keys.String() + `"z":1}`,
		"unknown setting": flowData(keys.String() + `"time_limit":1`),
		"numbers":         `{"data":[` + strings.Repeat("1e999,", 30_000) + `1]}`,
	} {
		d := newDoor(t)
		start := time.Now()
		status, out, _ := d.send(t, "PUT", channels, body)
		text, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); status != 400 || len(text) > 100_000 || took > 5*time.Second {
			t.Errorf("%s: %d, %d bytes, %v", name, status, len(text), took)
		}
		t.Logf("%s: %d bytes, %v", name, len(text), time.Since(start))
	}
}

func TestValidationShape(t *testing.T) {
	d := newDoor(t)
	_, out, _ := d.send(t, "PUT", channels, flowData(`"time_limit":99999,"record_sample_rate":9,"format":"ogg"`))
	got, err := json.Marshal(out["data"])
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"flow.data.format":{"enum":{"message":"Value not found in enumerated list of values","target":["mp3","wav"],"value":"ogg"}},` +
		`"flow.data.record_sample_rate":{"enum":{"message":"Value not found in enumerated list of values","target":[8000,11025,12000,16000,22050,24000,32000,44100,48000],"value":9}},` +
		`"flow.data.time_limit":{"maximum":{"message":"Value must be at most 10800","target":10800,"value":99999}}}`
	if string(got) != want {
		t.Errorf("data\n%s\nwant\n%s", got, want)
	}
}

func TestCodes(t *testing.T) {
	const announce, hangup = `{"data":{"call_id":"c1"}}`, `{"data":{"action":"hangup"}}`
	refused := &recording.RefusedError{Reason: "all 10000 ports are taken; raise --rtp-ports", RetryAfter: 1500 * time.Millisecond}
	tests := []struct {
		name, method, path, body string
		header                   []string
		err                      error
		status                   int
		message                  string
		wantHeader               string // "Name: value"
	}{
		{"no token", "PUT", channels, announce, []string{"X-Auth-Token", ""}, nil, 401, "invalid_credentials", "Www-Authenticate: Bearer"},
		{"wrong token", "PUT", channels, announce, []string{"X-Auth-Token", "guess"}, nil, 401, "invalid_credentials", ""},
		{"wrong bearer", "PUT", channels, announce, []string{"X-Auth-Token", "", "Authorization", "Bearer guess"}, nil, 401, "invalid_credentials", ""},
		{"basic", "PUT", channels, announce, []string{"X-Auth-Token", "", "Authorization", "Basic " + token}, nil, 401, "invalid_credentials", ""},
		{"empty bearer", "PUT", channels, announce, []string{"X-Auth-Token", "", "Authorization", "Bearer "}, nil, 401, "invalid_credentials", ""},
		{"token in the query", "PUT", channels + "?auth_token=" + "x", announce, []string{"X-Auth-Token", ""}, nil, 401, "invalid_credentials", ""},
		{"no path, no token", "GET", "/v2/nothing", "", []string{"X-Auth-Token", ""}, nil, 401, "invalid_credentials", ""},
		{"no such path", "GET", "/v2/nothing", "", nil, nil, 404, "bad_identifier", ""},
		{"below a call", "GET", call + "/x", "", nil, nil, 404, "bad_identifier", ""},
		{"no API", "GET", "/", "", nil, nil, 404, "bad_identifier", ""},
		{"the API's root", "GET", "/v2", "", nil, nil, 404, "bad_identifier", ""},
		{"unclean", "GET", "/v2//accounts/acme/channels", "", nil, nil, 404, "bad_identifier", ""},
		{"dots", "GET", "/v2/accounts/acme/channels/../channels", "", nil, nil, 404, "bad_identifier", ""},
		{"account", "GET", "/v2/accounts/ac.me/channels", "", nil, nil, 404, "bad_identifier", ""},
		{"long account", "GET", "/v2/accounts/" + strings.Repeat("a", 65) + "/channels", "", nil, nil, 404, "bad_identifier", ""},
		{"v1", "GET", "/v1/accounts/acme/channels", "", nil, nil, 410, "gone", ""},
		{"method of the list", "DELETE", channels, "", nil, nil, 405, "invalid_method", "Allow: GET, PUT"},
		{"method of a call", "DELETE", call, "", nil, nil, 405, "invalid_method", "Allow: GET, POST, PUT"},
		{"unknown call", "GET", call + "x", "", nil, nil, 404, "bad_identifier", ""},
		{"unknown call, action", "POST", call + "x", hangup, nil, nil, 404, "bad_identifier", ""},
		{"unknown call, metaflow", "PUT", call + "x", metaflow(`"action":"stop"`), nil, nil, 404, "bad_identifier", ""},
		{"other account", "GET", "/v2/accounts/other/channels/c1", "", nil, nil, 404, "bad_identifier", ""},
		{"unknown recording", "PUT", call, metaflow(`"action":"mask","id":"nope"`), nil, nil, 404, "bad_identifier", ""},
		{"update of an unknown call", "POST", call + "x", `{"data":{"action":"update","sdp":"x"}}`, nil, nil, 404, "bad_identifier", ""},
		{"conflict", "PUT", channels, `{"data":{"call_id":"c1","from":"x"}}`, nil, nil, 409, "datastore_conflict", ""},
		{"full", "PUT", channels, announce, nil, refused, 503, "service_unavailable", "Retry-After: 2"},
		{"full for an action", "POST", call, hangup, nil, refused, 503, "service_unavailable", "Retry-After: 2"},
		{"our fault", "PUT", channels, announce, nil, fmt.Errorf("open /data/private: denied"), 500, "unspecified_fault", ""},
		{"body too big", "PUT", channels, `{"data":{"call_id":"` + strings.Repeat("x", 1<<20) + `"}}`, nil, nil, 413, "validation error", ""},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			d := newDoor(t)
			d.must(t, 201, "PUT", channels, announce)
			d.err = c.err
			status, out, header := d.send(t, c.method, c.path, c.body, c.header...)
			if status != c.status || out["message"] != c.message || out["status"] != "error" || out["error"] != fmt.Sprint(status) {
				t.Errorf("%d %v, want %d %s", status, out, c.status, c.message)
			}
			if name, value, ok := strings.Cut(c.wantHeader, ": "); ok && header.Get(name) != value {
				t.Errorf("%s: %q, want %q", name, header.Get(name), value)
			}
			if text := fmt.Sprint(out); strings.Contains(text, "private") {
				t.Errorf("internals are told: %s", text)
			}
			if status == 500 && !strings.Contains(d.log.String(), "/data/private") {
				t.Errorf("the fault is not in the log: %s", d.log)
			}
			if _, told := out["version"]; told && (status == 401 || status == 410) {
				t.Error("the version is told to a stranger")
			}
			if strings.Contains(d.log.String(), token) {
				t.Error("the token is in the log")
			}
		})
	}
}

func TestPanic(t *testing.T) {
	d := newDoor(t)
	d.panics = true
	status, out, _ := d.send(t, "PUT", channels, `{"data":{"call_id":"c1"}}`)
	if status != http.StatusInternalServerError || out["message"] != "unspecified_fault" {
		t.Errorf("%d %v", status, out)
	}
	if !strings.Contains(d.log.String(), "boom") {
		t.Errorf("the panic is not in the log: %s", d.log)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*httpapi.Config){
		"no recorder":   func(c *httpapi.Config) { c.Recorder = nil },
		"no token":      func(c *httpapi.Config) { c.TokenHash = [32]byte{} },
		"negative hold": func(c *httpapi.Config) { c.Hold = -1 },
	} {
		c := config(newFake(), io.Discard)
		spoil(&c)
		if _, err := httpapi.New(c); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func metaflow(data string) string {
	return `{"data":{"action":"metaflow","data":{"module":"record_call","data":{` + data + `}}}}`
}

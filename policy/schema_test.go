package policy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"callrec/policy"
)

// noLoopback stands for the list of places that recordings may not go to.
func noLoopback(url string) error {
	if strings.Contains(url, "localhost") {
		return errors.New("localhost is this worker")
	}
	return nil
}

func load(t testing.TB) *policy.Schemas {
	t.Helper()
	s, err := policy.LoadSchemas(noLoopback)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func decode(t testing.TB, text string) any {
	t.Helper()
	v, err := policy.Decode([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// tell lists problems as "path rule", sorted.
func tell(bad policy.Problems) []string {
	out := []string{}
	for _, p := range bad {
		out = append(out, p.Path+" "+p.Rule)
	}
	slices.Sort(out)
	return out
}

const everySetting = `"channels":"stereo","format":"wav","record_min_sec":3,"record_sample_rate":8000,"time_limit":10800,"url":"https://h.example/x?y=1"`

func TestSchemasAccept(t *testing.T) {
	s := load(t)
	settings := `{"enabled":true,"record_on_answer":true,"record_on_bridge":false,` + everySetting + `}`
	source := `{"any":` + settings + `,"onnet":` + settings + `,"offnet":{}}`
	matrix := `{"any":` + source + `,"inbound":` + source + `,"outbound":{}}`
	flow := `"method":"put","label":"l","media_name":"m","origin":"o","record_on_answer":true,"record_on_bridge":true,"should_follow_transfer":false,` + everySetting
	for _, c := range []struct{ schema, text string }{
		{"call_recording", matrix},
		{"call_recording", `{}`},
		{"call_recording.source", source},
		{"call_recording.parameters", settings},
		{"call_recording.parameters", `{"time_limit":5,"record_min_sec":-1,"url":""}`},
		{"accounts", `{"name":"acme","call_recording":` + matrix + `,"other":[1]}`},
		{"accounts", `{"name":"acme","call_recording":{"account":` + matrix + `,"endpoint":{}}}`},
		{"accounts", `{"name":"acme","call_recording":{"endpoint":` + matrix + `}}`},
		{"users", `{"first_name":"A","last_name":"B","call_recording":` + matrix + `}`},
		{"devices", `{"name":"d","owner_id":"u","call_recording":` + matrix + `}`},
		{"callflows", `{"name":"f","numbers":["1001"],"flow":{"module":"user","data":{},"children":{"_":{"module":"record_caller","data":{}}}}}`},
		{"callflows.record_call", `{"action":"start","skip_module":false,"colour":1,` + flow + `}`},
		{"callflows.record_call", `{"action":"stop","method":"POST"}`},
		{"callflows.record_caller", `{"format":"mp3","method":"post","time_limit":60,"url":"http://h.example/","skip_module":true}`},
		{"metaflows.record_call", `{"action":"toggle","dtmf_leg":"x",` + flow + `}`},
		{"metaflows.record_call", `{"time_limit":99999}`},
	} {
		if bad := s.Check(c.schema, decode(t, c.text)); len(bad) > 0 {
			t.Errorf("%s refuses %s: %v", c.schema, c.text, bad)
		}
	}
}

func TestSchemasRefuse(t *testing.T) {
	s := load(t)
	for _, c := range []struct {
		schema, text string
		want         []string
	}{
		{"call_recording", `{"sideways":{}}`, []string{"sideways additionalProperties"}},
		{"call_recording", `{"inbound":{"lan":{}},"outbound":[]}`, []string{"inbound.lan additionalProperties", "outbound type"}},
		{"call_recording.parameters", `{"method":"put","label":"x","media_name":"x","should_follow_transfer":true}`, []string{
			"label additionalProperties", "media_name additionalProperties", "method additionalProperties", "should_follow_transfer additionalProperties",
		}},
		{"call_recording.parameters", `{"enabled":1,"format":"ogg","channels":"5.1","record_min_sec":1.5,"record_on_answer":null,"record_on_bridge":"no","record_sample_rate":9000,"time_limit":4,"url":"no url"}`, []string{
			"channels enum", "enabled type", "format enum", "record_min_sec type", "record_on_answer type", "record_on_bridge type",
			"record_sample_rate enum", "time_limit minimum", "url wrong_format",
		}},
		{"call_recording.parameters", `{"time_limit":10801,"url":"http://localhost/"}`, []string{"time_limit maximum", "url error"}},
		{"accounts", `{"call_recording":{"inbound":{"offnet":{"time_limit":99999}},"acount":{}}}`, []string{
			"call_recording.acount additionalProperties", "call_recording.inbound.offnet.time_limit maximum", "name required",
		}},
		{"accounts", `{"name":"a","call_recording":{"account":{"any":{"any":{"format":"x"}}},"endpoint":{"a":1},"inbound":{}}}`, []string{
			"call_recording.account.any.any.format enum", "call_recording.endpoint.a additionalProperties", "call_recording.inbound additionalProperties",
		}},
		{"accounts", `{"name":"","call_recording":true}`, []string{"call_recording type", "name minLength"}},
		{"users", `{"call_recording":{"account":{}}}`, []string{"call_recording.account additionalProperties", "first_name required", "last_name required"}},
		{"users", `[]`, []string{"data type"}},
		{"devices", `{"name":7,"owner_id":[]}`, []string{"name type", "owner_id type"}},
		{"callflows", `{"numbers":[1]}`, []string{"flow required", "numbers.0 type"}},
		{"callflows", `{"flow":{"module":"user","data":{},"children":{"_":{"module":"record_call","data":{}},"a.b":{}}}}`, []string{
			"flow.children._.data.action required", "flow.children.a%2Eb.data required", "flow.children.a%2Eb.module required",
		}},
		{"callflows", `{"flow":{"module":"record_caller","data":{"method":"get"}}}`, []string{"flow.data.method enum"}},
		{"callflows.record_call", `{"action":"mask","method":"get","time_limit":1}`, []string{"action enum", "method enum", "time_limit minimum"}},
		{"callflows.record_caller", `{"time_limit":0,"url":"ftp//x"}`, []string{"time_limit minimum", "url wrong_format"}},
		{"metaflows.record_call", `{"action":"pause"}`, []string{"action enum"}},
		{"nothing", `{}`, []string{" error"}},
	} {
		if got := tell(s.Check(c.schema, decode(t, c.text))); !slices.Equal(got, c.want) {
			t.Errorf("%s, %s:\n%q, want\n%q", c.schema, c.text, got, c.want)
		}
	}
}

func TestProblemsSayWhatIsAskedFor(t *testing.T) {
	s := load(t)
	bad := s.Check("accounts", decode(t, `{"name":"a","call_recording":{"inbound":{"offnet":{"time_limit":99999}},"outbound":{"any":{"record_sample_rate":1,"url":"http://localhost"}}}}`))
	got := make(map[string]string)
	for _, p := range bad {
		got[p.Path] = fmt.Sprintf("%s|%s|%v|%v", p.Rule, p.Message, p.Target, p.Value)
	}
	for path, want := range map[string]string{
		"call_recording.inbound.offnet.time_limit":       "maximum|Value must be at most 10800|10800|99999",
		"call_recording.outbound.any.record_sample_rate": "enum|Value not found in enumerated list of values|[8000 11025 12000 16000 22050 24000 32000 44100 48000]|1",
		"call_recording.outbound.any.url":                "error|invalid client URL|localhost is this worker|http://localhost",
	} {
		if got[path] != want {
			t.Errorf("%s: %s, want %s", path, got[path], want)
		}
	}
	if len(got) != 3 {
		t.Errorf("%v", got)
	}
}

func TestWrongTypesAreCastAndValidatedAgain(t *testing.T) {
	s := load(t)
	for _, c := range []struct {
		text, want string
		bad        []string
	}{
		{`{"enabled":"true","time_limit":"60"}`, `{"enabled":true,"time_limit":60}`, nil},
		{`{"enabled":"false","time_limit":"4"}`, `{"enabled":false,"time_limit":4}`, []string{"time_limit minimum"}},
		{`{"record_sample_rate":"16000","record_min_sec":"-1"}`, `{"record_min_sec":-1,"record_sample_rate":16000}`, nil},
		{`{"enabled":"yes","time_limit":"6e1","format":1}`, `{"enabled":"yes","format":1,"time_limit":"6e1"}`, []string{"enabled type", "format type", "time_limit type"}},
		{`{"enabled":"true","format":"ogg"}`, `{"enabled":true,"format":"ogg"}`, []string{"format enum"}},
		{`{"enabled":null}`, `{"enabled":null}`, []string{"enabled type"}},
	} {
		data := decode(t, c.text)
		kept, bad := s.Accept("call_recording.parameters", data)
		text, _ := json.Marshal(kept)
		if string(text) != c.want || !slices.Equal(tell(bad), append([]string{}, c.bad...)) {
			t.Errorf("%s: %s %q, want %s %q", c.text, text, tell(bad), c.want, c.bad)
		}
		if after, _ := json.Marshal(data); string(after) != string(mustJSON(t, decode(t, c.text))) {
			t.Errorf("the argument was changed: %s", after)
		}
	}
	if kept, bad := s.Accept("callflows", decode(t, `{"flow":{"module":"record_call","data":{"action":"start","record_on_answer":"true"}}}`)); bad != nil || at(kept, "flow", "data", "record_on_answer") != true {
		t.Error(kept, bad)
	}
}

func at(v any, keys ...string) any {
	for _, k := range keys {
		m, _ := v.(doc)
		v = m[k]
	}
	return v
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A megabyte of faults is answered with few of them, all the castable ones mended.
func TestManyFaultsAreBounded(t *testing.T) {
	var flow strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&flow, `"%d":{"module":"record_call","data":{"action":"start","time_limit":"60","format":1}},`, i)
	}
	data := decode(t, `{"flow":{"module":"m","data":{},"children":{`+flow.String()+`"_":{"module":"m","data":{}}}}}`)
	s, start := load(t), time.Now()
	kept, bad := s.Accept("callflows", data)
	t.Logf("%d faults told, %v", len(bad), time.Since(start))
	if len(bad) == 0 || len(bad) > 200 {
		t.Errorf("%d faults", len(bad))
	}
	for _, p := range bad {
		if !strings.HasSuffix(p.Path, ".format") {
			t.Fatalf("%+v", p)
		}
	}
	if at(kept, "flow", "children", "9999", "data", "time_limit") != int64(60) {
		t.Error("not all were cast")
	}
}

func TestDecode(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":[1,2.5,"x",true,null],"b":{}}`: "",
		` 7 `:                                "",
		``:                                   "json invalid",
		`{} {}`:                              "json invalid",
		`{"a":}`:                             "json invalid",
		"\"\xff\"":                           "json invalid",
		`{"a":1,"b":{"a":1,"\u0061":2}}`:     "b.a duplicate",
		`{"a.b":1e999}`:                      "a%2Eb invalid",
		strings.Repeat("[", 101) + strings.Repeat("]", 101): "json invalid",
		strings.Repeat("[", 100) + strings.Repeat("]", 100): "",
	} {
		_, err := policy.Decode([]byte(text))
		var bad policy.Problems
		errors.As(err, &bad)
		if got := strings.Join(tell(bad), ", "); got != want {
			t.Errorf("%.40q: %q, want %q", text, got, want)
		}
	}
}

package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"callrec/control"
)

const (
	acme  = "/v2/accounts/acme"
	ann   = acme + "/users/ann"
	user  = `{"data":{"id":"ann","first_name":"Ann","last_name":"Lee"}}`
	phone = `{"data":{"id":"d1","name":"Ann's","owner_id":"ann"}}`
)

// newTenant is a door with account acme, its user ann and her device d1.
func newTenant(t testing.TB) *door {
	t.Helper()
	d := newDoor(t)
	d.must(t, 201, "PUT", "/v2/accounts", `{"data":{"id":"acme","name":"Acme"}}`)
	d.must(t, 201, "PUT", acme+"/users", user)
	d.must(t, 201, "PUT", acme+"/devices", phone)
	return d
}

// problems lists "path rule" of an answer.
func problems(out map[string]any) []string {
	var got []string
	data, _ := out["data"].(map[string]any)
	for path, rules := range data {
		for rule := range rules.(map[string]any) {
			got = append(got, path+" "+rule)
		}
	}
	slices.Sort(got)
	return got
}

// equal compares through JSON: 60 is 60, whatever its type.
func equal(t testing.TB, what string, got any, want string) {
	t.Helper()
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if json.Unmarshal(text, &a) != nil || json.Unmarshal([]byte(want), &b) != nil {
		t.Fatalf("%s: no JSON: %s", what, want)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s:\n%s\nwant\n%s", what, text, want)
	}
}

// A document's life, by every verb.
func TestDocuments(t *testing.T) {
	d := newDoor(t)
	status, out, header := d.send(t, "PUT", "/v2/accounts", `{"data":{"id":"acme","name":"Acme","realm":"acme.example"}}`)
	if status != 201 || header.Get("Location") != acme || out["revision"] == nil || out["status"] != "success" || out["request_id"] == "" {
		t.Fatalf("%d %v, %q", status, out, header.Get("Location"))
	}
	for _, c := range []struct{ kind, doc, patch, merged, replacement string }{
		{
			"users", `{"first_name":"Ann","last_name":"Lee","pvt_x":1,"_rev":"2","call_recording":{"inbound":{"onnet":{"enabled":true,"time_limit":60},"offnet":{"enabled":true}}},"tags":["a","b"]}`,
			`{"last_name":"Li","pvt_x":2,"tags":["c"],"call_recording":{"inbound":{"onnet":{"time_limit":null,"url":"http://h.example/"},"offnet":{}}}}`,
			`{"first_name":"Ann","last_name":"Li","tags":["c"],"call_recording":{"inbound":{"onnet":{"enabled":true,"url":"http://h.example/"},"offnet":{}}}}`,
			`{"first_name":"Ben","last_name":"Lee"}`,
		},
		{
			"devices", `{"name":"phone","owner_id":"u1","call_recording":{"any":{"any":{"enabled":true}}}}`,
			`{"call_recording":{}}`, `{"name":"phone","owner_id":"u1","call_recording":{}}`, `{"name":"another"}`,
		},
		{
			"callflows", `{"numbers":["100"],"flow":{"module":"record_call","data":{"action":"start"},"children":{"_":{"module":"device","data":{"id":"d"}}}}}`,
			`{"name":"sales","numbers":["101","102"]}`,
			`{"name":"sales","numbers":["101","102"],"flow":{"module":"record_call","data":{"action":"start"},"children":{"_":{"module":"device","data":{"id":"d"}}}}}`,
			`{"flow":{"module":"record_caller","data":{"time_limit":5}}}`,
		},
	} {
		t.Run(c.kind, func(t *testing.T) {
			all := acme + "/" + c.kind
			status, out, header := d.send(t, "PUT", all, `{"data":`+c.doc+`}`)
			data, _ := out["data"].(map[string]any)
			id, _ := data["id"].(string)
			if status != 201 || len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" || header.Get("Location") != all+"/"+id {
				t.Fatalf("%d %v, %q", status, out, header.Get("Location"))
			}
			one, first := all+"/"+id, out["revision"]
			withID := func(doc string) string { return `{"id":"` + id + `",` + doc[1:] }
			status, out, _ = d.send(t, "PATCH", one, `{"data":`+c.patch+`}`)
			if status != 200 || out["revision"] == first {
				t.Fatalf("%d %v, revision before %v", status, out, first)
			}
			equal(t, "patched", out["data"], withID(c.merged))
			equal(t, "read", d.must(t, 200, "GET", one, ""), withID(c.merged))
			equal(t, "replaced", d.must(t, 200, "POST", one, `{"data":`+withID(c.replacement)+`}`), withID(c.replacement))
			gone := d.must(t, 200, "DELETE", one, "")
			equal(t, "deleted", gone["_read_only"], `{"deleted":true}`)
			for _, verb := range []string{"GET", "POST", "PATCH", "DELETE"} {
				if status, out, _ := d.send(t, verb, one, `{"data":`+c.replacement+`}`); status != 404 || out["message"] != "bad_identifier" {
					t.Errorf("%s after it: %d %v", verb, status, out)
				}
			}
		})
	}
	if gone := d.must(t, 200, "DELETE", acme, ""); gone["name"] != "Acme" {
		t.Errorf("deleted: %v", gone)
	}
	if status, _, _ := d.send(t, "PUT", acme+"/users", user); status != 404 {
		t.Errorf("a user of no account: %d", status)
	}
}

// An account goes when nothing of it is under way any more: what came out of that
// would belong to whoever has the id next.
func TestAccountInUse(t *testing.T) {
	d := newTenant(t)
	refused := func(words string) {
		t.Helper()
		status, out, _ := d.send(t, "DELETE", acme, "")
		data, _ := out["data"].(map[string]any)
		if cause, _ := data["cause"].(string); status != 409 || out["message"] != "datastore_conflict" || data["message"] != "conflicting documents" || !strings.Contains(cause, words) {
			t.Errorf("%d %v, want 409 with %q", status, out, words)
		}
	}
	for _, call := range []string{"c1", "c2"} {
		d.must(t, 201, "PUT", acme+"/channels", `{"data":{"call_id":"`+call+`"}}`)
	}
	d.must(t, 201, "PUT", "/v2/accounts", `{"data":{"id":"other","name":"Other"}}`)
	d.must(t, 200, "DELETE", "/v2/accounts/other", "")
	d.park(3)
	refused("2 calls are live and 3 recordings not delivered; hang up, and deliver or delete them")
	for _, call := range []string{"c1", "c2"} {
		d.must(t, 200, "POST", acme+"/channels/"+call, `{"data":{"action":"hangup"}}`)
	}
	refused("0 calls are live and 3 recordings")
	d.park(0)
	for _, state := range []string{"spooled", "parked"} {
		rec := control.Recording{ID: parkedID(1), Account: "acme", State: state, Doc: []byte(`{}`), Created: clock}
		d.kept.Keep(rec, nil)
		refused("another worker")
	}
	d.must(t, 200, "GET", ann, "")
	d.kept.Keep(control.Recording{ID: parkedID(1), Account: "acme", State: "delivered", Doc: []byte(`{}`), Created: clock}, nil)
	d.must(t, 200, "DELETE", acme, "")
}

// The guide's example, word for word but for the placeholders: the type of -d, and
// a matrix with several cells.
func TestGuide(t *testing.T) {
	d := newTenant(t)
	const settings = `{"inbound":{"offnet":{"enabled":true,"format":"mp3","url":"http://h.example/in"}},"outbound":{"offnet":{"enabled":true,"record_min_sec":5}}}`
	status, out, _ := d.send(t, "PATCH", ann, `{"data":{
    "call_recording":`+settings+`
    }}`, "Content-Type", "application/x-www-form-urlencoded")
	if status != 200 {
		t.Fatalf("%d %v", status, out)
	}
	equal(t, "patched", out["data"], `{"id":"ann","first_name":"Ann","last_name":"Lee","call_recording":`+settings+`}`)
	for _, shape := range []string{settings, `{"account":` + settings + `}`, `{"endpoint":` + settings + `,"account":{}}`} {
		d.must(t, 200, "PATCH", acme, `{"data":{"call_recording":{}}}`)
		equal(t, "account", d.must(t, 200, "PATCH", acme, `{"data":{"call_recording":`+shape+`}}`), `{"id":"acme","name":"Acme","call_recording":`+shape+`}`)
	}
}

// The guide's patch of an account goes over both shapes, and what comes out can be
// read and sent back.
func TestAccountShapesMeet(t *testing.T) {
	const cell, matrix = `{"offnet":{"enabled":true}}`, `{"inbound":{"offnet":{"enabled":true}}}`
	for _, c := range [][3]string{
		{`{"account":{"outbound":` + cell + `}}`, matrix, `{"account":{"outbound":` + cell + `,"inbound":` + cell + `}}`},
		{matrix, `{"endpoint":{"any":` + cell + `}}`, `{"account":` + matrix + `,"endpoint":{"any":` + cell + `}}`},
		{`{"account":` + matrix + `}`, `{}`, `{}`},
	} {
		d := newTenant(t)
		d.must(t, 200, "PATCH", acme, `{"data":{"call_recording":`+c[0]+`}}`)
		d.must(t, 200, "PATCH", acme, `{"data":{"call_recording":`+c[1]+`}}`)
		want := `{"id":"acme","name":"Acme","call_recording":` + c[2] + `}`
		equal(t, c[1]+" over "+c[0], d.must(t, 200, "GET", acme, ""), want)
		equal(t, "sent back", d.must(t, 200, "POST", acme, `{"data":`+want+`}`), want)
	}
}

// Text of a value is cast; what cannot be is told, all of it, and nothing is stored.
func TestDocumentFaults(t *testing.T) {
	d := newTenant(t)
	got := d.must(t, 200, "PATCH", ann, `{"data":{"call_recording":{"any":{"any":{"enabled":"true","time_limit":"60"}}}}}`)
	equal(t, "cast", got["call_recording"], `{"any":{"any":{"enabled":true,"time_limit":60}}}`)
	before := d.must(t, 200, "GET", ann, "")
	for _, c := range []struct {
		verb, path, body string
		want             []string
	}{
		{"PATCH", ann, `{"data":{"id":"bob"}}`, []string{"id error"}},
		{"PATCH", ann, `{"data":[]}`, []string{"data type"}},
		{"PATCH", ann, `{"data":{"first_name":null}}`, []string{"first_name required"}},
		{"POST", ann, `{"data":{}}`, []string{"first_name required", "last_name required"}},
		{"PATCH", ann, `{"data":{"call_recording":{"inbound":{"offnet":{"time_limit":99999,"format":"ogg","colour":1}},"up":{}}}}`, []string{
			"call_recording.inbound.offnet.time_limit maximum", "call_recording.inbound.offnet.format enum",
			"call_recording.inbound.offnet.colour additionalProperties", "call_recording.up additionalProperties",
		}},
		{"PATCH", ann, `{"data":{"call_recording":{"any":{"any":{"url":"ftp://user:hidden@h/"}}}}}`, []string{"call_recording.any.any.url error"}},
		{"PATCH", ann, `{"data":{"call_recording":{"any":{"any":{"format":"http://user:hidden@h/","http://user:hidden@h/?k=hidden":1}}}}}`, []string{
			"call_recording.any.any.format enum", "call_recording.any.any.http://redacted@h/?redacted additionalProperties",
		}},
		{"PUT", acme + "/users", `{"data":{"id":"//user:hidden@h","first_name":"A","last_name":"B"}}`, []string{"id pattern"}},
		{"PATCH", ann, `{"data":{"http://user:hidden@h/":1,"http://user:hidden@h/":2}}`, []string{"http://redacted@h/ duplicate"}},
		{"PATCH", ann, `{"data":{"call_recording":{"account":{}}}}`, []string{"call_recording.account additionalProperties"}},
		{"PATCH", acme, `{"data":{"call_recording":{"account":{},"inbound":{}}}}`, []string{"call_recording.inbound additionalProperties"}},
		{"PUT", acme + "/users", `{"data":{"id":"a/b"}}`, []string{"id pattern", "first_name required", "last_name required"}},
		{"PUT", acme + "/users", `{"data":null}`, []string{"data type"}},
		{"PUT", acme + "/devices", `{"data":{"id":""}}`, []string{"id pattern", "name required"}},
		{"PUT", acme + "/callflows", `{"data":{"flow":` + chain(17) + `}}`, []string{"flow" + strings.Repeat(".children._", 16) + " maxDepth"}},
		{"PUT", acme + "/callflows", `{"data":{"flow":{"module":"x","data":{},"children":{"1":{"module":"record_caller","data":{"format":"ogg","method":"get","time_limit":1,"url":"x","skip_module":1}}}}}}`, []string{
			"flow.children.1.data.format enum", "flow.children.1.data.method enum", "flow.children.1.data.time_limit minimum",
			"flow.children.1.data.url wrong_format", "flow.children.1.data.url error", "flow.children.1.data.skip_module type",
		}},
	} {
		status, out, _ := d.send(t, c.verb, c.path, c.body)
		got := problems(out)
		missing := len(got) != len(c.want)
		for _, w := range c.want {
			missing = missing || !strings.Contains(fmt.Sprintf("%q", got), `"`+w+`"`)
		}
		if status != 400 || out["message"] != "validation error" || missing {
			t.Errorf("%s %s %s: %d %q, want %q", c.verb, c.path, c.body, status, got, c.want)
		}
		if strings.Contains(fmt.Sprint(out), "hidden") {
			t.Errorf("a password came back: %v", out)
		}
	}
	if after := d.must(t, 200, "GET", ann, ""); !reflect.DeepEqual(before, after) {
		t.Errorf("%v became %v", before, after)
	}
	status, out, _ := d.send(t, "PUT", acme+"/users", user)
	if data, _ := out["data"].(map[string]any); status != 409 || out["message"] != "datastore_conflict" || !strings.HasPrefix(fmt.Sprint(data["cause"]), `user "ann" exists already`) {
		t.Errorf("an id twice: %d %v", status, out)
	}
	d.kept.Err = control.ErrUnavailable
	if status, out, h := d.send(t, "PATCH", ann, `{"data":{}}`); status != 503 || out["message"] != "datastore_unreachable" || h.Get("Retry-After") == "" {
		t.Errorf("a store that is away: %d %v", status, out)
	}
	d.kept.Err = &control.FullError{Reason: "no room"}
	if status, out, _ := d.send(t, "PATCH", ann, `{"data":{}}`); status != 507 {
		t.Errorf("a store that is full: %d %v", status, out)
	}
}

// Two patches at once both count: the slower one is laid over what the faster left.
func TestPatchesMeet(t *testing.T) {
	d := newTenant(t)
	ref := control.Ref{Account: "acme", Kind: control.Users, ID: "ann"}
	d.kept.Before = func() {
		d.kept.Before = nil
		if _, err := d.kept.Put(context.Background(), ref, 0, []byte(`{"first_name":"Ann","last_name":"Lee","email":"a@h.example"}`)); err != nil {
			t.Error(err)
		}
	}
	equal(t, "both", d.must(t, 200, "PATCH", ann, `{"data":{"username":"ann"}}`), `{"id":"ann","first_name":"Ann","last_name":"Lee","email":"a@h.example","username":"ann"}`)
	d.kept.Before = func() { // somebody is faster for ever
		before := d.kept.Before
		d.kept.Before = nil
		if _, err := d.kept.Put(context.Background(), ref, 0, []byte(`{"first_name":"Ann","last_name":"Lee"}`)); err != nil {
			t.Error(err)
		}
		d.kept.Before = before
	}
	if status, out, _ := d.send(t, "PATCH", ann, `{"data":{}}`); status != 409 {
		t.Errorf("%d %v", status, out)
	}
}

// A list is walked page by page, and every item comes once.
func TestLists(t *testing.T) {
	d := newTenant(t)
	for i := range 7 {
		d.must(t, 201, "PUT", acme+"/users", fmt.Sprintf(`{"data":{"id":"u%d","first_name":"F%d","last_name":"L","email":"e","secret":"s"}}`, i, i%2))
	}
	walk := func(query string) []string {
		ids, key := []string{}, ""
		for range 10 {
			status, out, _ := d.send(t, "GET", acme+"/users?"+query+key, "")
			list, _ := out["data"].([]any)
			if status != 200 || out["page_size"] != float64(len(list)) {
				t.Fatalf("%s: %d %v", query, status, out)
			}
			for _, item := range list {
				ids = append(ids, item.(map[string]any)["id"].(string))
			}
			next, more := out["next_start_key"].(string)
			if !more {
				return ids
			}
			key = "&start_key=" + next
		}
		t.Fatalf("%s never ends", query)
		return nil
	}
	all := []string{"ann", "u0", "u1", "u2", "u3", "u4", "u5", "u6"}
	for query, want := range map[string][]string{
		"": all, "page_size=3": all, "page_size=1": all, "page_size=8": all, "paginate=false": all, "page_size=9999": all,
		"page_size=2&filter_first_name=F1":        {"u1", "u3", "u5"},
		"page_size=1&filter_first_name=F1":        {"u1", "u3", "u5"},
		"filter_not_first_name=F1":                {"ann", "u0", "u2", "u4", "u6"},
		`filter_id=["u1","ann","x"]`:              {"ann", "u1"},
		"key_missing=email":                       {"ann"},
		"has_value=email&page_size=7":             all[1:],
		"filter_first_name=F1&filter_last_name=M": {},
	} {
		if got := walk(query); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	_, out, _ := d.send(t, "GET", acme+"/users?page_size=2", "")
	equal(t, "summaries", out["data"], `[{"id":"ann","first_name":"Ann","last_name":"Lee"},{"id":"u0","first_name":"F0","last_name":"L","email":"e"}]`)
	_, out, _ = d.send(t, "GET", "/v2/accounts", "")
	equal(t, "accounts", out["data"], `[{"id":"acme","name":"Acme"}]`)
	for query, want := range map[string]string{"page_size=x": "page_size type", "page_size=0": "page_size minimum", "start_key=!": "start_key invalid"} {
		if status, out, _ := d.send(t, "GET", acme+"/users?"+query, ""); status != 400 || !reflect.DeepEqual(problems(out), []string{want}) {
			t.Errorf("%s: %d %v", query, status, out)
		}
	}
}

func TestPrettyPrint(t *testing.T) {
	d := newTenant(t)
	for _, header := range [][]string{{"X-Pretty-Print", "true"}, nil} {
		path := ann
		if header == nil {
			path += "?pretty_print=true"
		}
		if got := d.raw(t, "GET", path, header...); !strings.Contains(got.Body.String(), "\n    \"first_name\": \"Ann\"") {
			t.Errorf("%s", got.Body)
		}
	}
}

package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"callrec/control"
	"callrec/control/httpapi"
	"callrec/recording"
)

// described is openapi.json as the door serves it.
type described struct {
	t    *testing.T
	doc  map[string]any
	comp *jsonschema.Compiler
}

func readDescription(t *testing.T, d *door) *described {
	t.Helper()
	w := d.raw(t, "GET", "/v2/openapi.json", "X-Auth-Token", "")
	if w.Code != 200 {
		t.Fatalf("%d", w.Code)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("mem:///api.json", doc); err != nil {
		t.Fatal(err)
	}
	return &described{t, doc.(map[string]any), c}
}

// at follows keys into the description.
func (d *described) at(keys ...string) any {
	var v any = d.doc
	for _, key := range keys {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	if m, ok := v.(map[string]any); ok {
		if ref, ok := m["$ref"].(string); ok {
			return d.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
	}
	return v
}

// check validates a value against the schema at a place of the description.
func (d *described) check(value any, place ...string) error {
	var pointer strings.Builder
	for _, key := range place {
		pointer.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(key))
	}
	schema, err := d.comp.Compile("mem:///api.json#" + pointer.String())
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

var verbs = []string{"put", "get", "post", "patch", "delete"}

// operations are the verbs of all paths: those that make things first, and those
// that delete them last, the outermost very last.
func (d *described) operations() (out [][2]string) {
	paths := slices.Sorted(maps.Keys(d.at("paths").(map[string]any)))
	slices.SortStableFunc(paths, func(a, b string) int { return strings.Count(a, "/") - strings.Count(b, "/") })
	for _, verb := range verbs {
		if verb == "delete" {
			slices.Reverse(paths)
		}
		for _, path := range paths {
			if d.at("paths", path, verb) != nil {
				out = append(out, [2]string{path, verb})
			}
		}
	}
	return out
}

// What is described is there, and what is there is described.
func TestEveryRouteIsDescribed(t *testing.T) {
	d := readDescription(t, newDoor(t))
	var have, told []string
	for path, verbs := range httpapi.Routes() {
		for _, verb := range verbs {
			have = append(have, path+" "+verb)
		}
	}
	for _, o := range d.operations() {
		told = append(told, o[0]+" "+strings.ToUpper(o[1]))
	}
	slices.Sort(have)
	slices.Sort(told)
	if !slices.Equal(have, told) {
		t.Errorf("there are\n%s\nand described are\n%s", strings.Join(have, "\n"), strings.Join(told, "\n"))
	}
	for name := range d.at("components", "schemas").(map[string]any) {
		if _, err := d.comp.Compile("mem:///api.json#/components/schemas/" + name); err != nil {
			t.Errorf("schema %s: %v", name, err)
		}
	}
	for _, o := range d.operations() {
		list, _ := d.at("paths", o[0], "parameters").([]any)
		named := map[string]bool{}
		for _, p := range list {
			ref := strings.TrimPrefix(p.(map[string]any)["$ref"].(string), "#/components/parameters/")
			p, ok := d.at("components", "parameters", ref).(map[string]any)
			if !ok {
				t.Fatalf("%s: no parameter %s", o[0], ref)
			}
			named[p["name"].(string)] = true
		}
		for part := range strings.SplitSeq(o[0], "/") {
			if name, ok := strings.CutPrefix(part, "{"); ok && !named[strings.TrimSuffix(name, "}")] {
				t.Errorf("%s does not describe %s", o[0], part)
			}
		}
	}
}

// Every example is as described, does what it says when it is sent, and the answer
// is as described, too.
func TestEveryExampleWorks(t *testing.T) {
	door := spoolDoor(t, 2)
	d := readDescription(t, door)
	door.kept.Keep(recordingOf(1, 5, "ann", recording.Delivered), []byte(audioText))
	ids := map[string]string{"recordings": recordingPath(1)[strings.LastIndex(recordingPath(1), "/")+1:], "parked": parkedID(1)}
	secret := ""
	for _, o := range d.operations() {
		path, verb := o[0], o[1]
		door.park(2)
		if verb == "get" && strings.HasSuffix(path, "/events") {
			continue // it has no end; events_test.go
		}
		op := d.at("paths", path, verb).(map[string]any)
		body := ""
		if request, ok := op["requestBody"].(map[string]any); ok {
			media := request["content"].(map[string]any)["application/json"].(map[string]any)
			example, given := media["example"]
			if !given {
				t.Errorf("%s %s has no example", verb, path)
				continue
			}
			if err := d.check(example, "paths", path, verb, "requestBody", "content", "application/json", "schema"); err != nil {
				t.Errorf("%s %s: the example: %v", verb, path, err)
			}
			text, err := json.Marshal(example)
			if err != nil {
				t.Fatal(err)
			}
			body = string(text)
		}
		collection := strings.Split(strings.TrimSuffix(path, "/{id}"), "/")
		kind := collection[len(collection)-1]
		if kind == "tokens" {
			kind = strings.TrimSuffix(path, "/{id}")
		}
		if path == "/v2/api_auth" {
			body = strings.Replace(body, "FQ7W5jWGBFOZbZyTtEMDUPfHcXZLwkRZtPPBwm3UCKs", token, 1)
		}
		where := strings.NewReplacer("{account}", "acme", "{user}", "ann", "{call}", "abc123@10.0.0.1", "{id}", ids[kind]).Replace(path)
		if where == acme && verb == "delete" { // which takes that nothing of it is under way
			door.park(0)
			for _, info := range door.calls {
				info.State = "ended"
			}
		}
		w := door.exchange(t, strings.ToUpper(verb), where, body)
		var answer any
		answer, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.Body.Bytes()))
		if err != nil {
			t.Fatalf("%s %s: %d, %v: %s", verb, where, w.Code, err, w.Body)
		}
		status := fmt.Sprint(w.Code)
		if _, ok := op["responses"].(map[string]any)[status]; !ok {
			t.Errorf("%s %s: %s is not described: %s", verb, where, status, w.Body)
			continue
		}
		if err := d.check(answer, "paths", path, verb, "responses", status, "content", "application/json", "schema"); err != nil {
			t.Errorf("%s %s: the answer: %v\n%s", verb, where, err, w.Body)
		}
		if data, ok := answer.(map[string]any)["data"].(map[string]any); ok && verb == "put" {
			if id, ok := data["id"].(string); ok {
				ids[kind] = id
			}
			if s, ok := data["token"].(string); ok {
				secret = s
			}
		}
	}
	if secret == "" {
		t.Error("no token was made")
	}
}

// Faults of every kind, and events, are as described.
func TestFaultsAreDescribed(t *testing.T) {
	door := newDoor(t)
	d := readDescription(t, door)
	for _, c := range [][3]string{
		{"GET", "/v2/nothing", ""},
		{"PUT", channels, flowData(`"time_limit":1`)},
		{"PATCH", "/v2/accounts", ""},
		{"GET", acme + "/recordings?created_from=1", ""},
		{"GET", acme + "/recordings/x", ""},
		{"GET", "/v1", ""},
	} {
		w := door.exchange(t, c[0], c[1], c[2])
		answer, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.Body.Bytes()))
		if err != nil || w.Code < 400 {
			t.Fatalf("%v: %d, %v", c, w.Code, err)
		}
		if err := d.check(answer, "components", "schemas", "fault"); err != nil {
			t.Errorf("%v: %v", c, err)
		}
	}
	rec := recording.Info{ID: "202611-1", State: recording.Parked, Reason: "no"}
	forgotten := happened("acme", "parked", &rec)
	known := rec
	known.Format, known.Origin, known.Length = "wav", "callflow : x", time.Second
	whole, digit := happened("acme", "parked", &known), happened("acme", "digit", nil)
	digit.Digit = "5"
	later := strings.Replace(string(control.EventJSON(&digit)), `"version":1`, `"version":2`, 1)
	for _, text := range []string{string(control.EventJSON(&forgotten)), string(control.EventJSON(&whole)), string(control.EventJSON(&digit)), later} {
		event, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.check(event, "components", "schemas", "event"); (err == nil) != (text != later) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

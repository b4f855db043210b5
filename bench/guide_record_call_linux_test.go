package bench

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// way is how an action comes to a call.
type way struct {
	name   string
	origin string // of its recordings, without a label
	flow   bool   // by a callflow
	stored bool   // which the account has
	later  bool   // and not with the announcement
}

var ways = []way{
	{name: "flow", origin: "callflow : 1002", flow: true},
	{name: "callflow_id", origin: "callflow : front desk", flow: true, stored: true},
	{name: "flow later", origin: "callflow : 1002", flow: true, later: true},
	{name: "callflow_id later", origin: "callflow : front desk", flow: true, stored: true, later: true},
	{name: "metaflow", origin: "untracked : 1002", later: true},
}

// recordCall makes a node of a callflow.
func recordCall(data object, children ...object) object {
	return node("record_call", data, children...)
}

func node(module string, data object, children ...object) object {
	n := object{"module": module, "data": data}
	if len(children) > 0 {
		n["children"] = object{"_": children[0]}
	}
	return n
}

// says is what a request says of the callflow of a node.
func (w *way) says(h house, n object) object {
	h.t.Helper()
	if !w.stored {
		return object{"flow": n}
	}
	var made struct{ ID string }
	a := h.must(http.MethodPut, "/callflows", object{"name": "front desk", "flow": n})
	if err := json.Unmarshal(a.Raw, &made); err != nil {
		h.t.Fatal(err)
	}
	return object{"callflow_id": made.ID}
}

// begin announces a call and brings a node to it.
func (w *way) begin(t *testing.T, h house, id string, n object, packets int, more object) *spoken {
	t.Helper()
	h = h.under(t)
	said := maps.Clone(more)
	if said == nil {
		said = object{}
	}
	if !w.later {
		maps.Copy(said, w.says(h, n))
	}
	c := h.call(t, id, said, packets)
	if w.later {
		c.start = c.now()
		w.bring(c, c.start, n)
	}
	return c
}

// bring brings a node to a call later.
func (w *way) bring(c *spoken, instant int, n object) {
	c.t.Helper()
	if w.flow {
		c.act(instant, "callflow", w.says(c.h, n))
	} else {
		c.metaOK(instant, n["data"].(object))
	}
}

// recordCalls are the settings of record_call, and what they do.
var recordCalls = []setting{
	{name: "nothing", settings: object{}, want: held{format: "mp3", rate: 16000}},
	{name: "format", settings: object{"format": "wav"}},
	{name: "record_min_sec reached", settings: object{"format": "wav", "record_min_sec": 1}, happens: hungUp(1000 * ms), want: held{to: -1000 * ms}},
	{name: "record_min_sec missed", settings: object{"format": "wav", "record_min_sec": 1}, happens: hungUp(999 * ms), state: "discarded"},
	{name: "record_on_answer", settings: object{"format": "wav", "record_on_answer": true}, happens: answered, want: held{from: 300 * ms}},
	{name: "record_on_bridge", settings: object{"format": "wav", "record_on_bridge": true}, happens: answered, want: held{from: 500 * ms}},
	{name: "record_on_bridge, without one", settings: object{"format": "wav", "record_on_bridge": true}, happens: func(c *spoken) {
		c.act(300*ms, "answer", nil)
	}, state: "cancelled"},
	{name: "record_sample_rate", settings: object{"format": "wav", "record_sample_rate": 16000}, want: held{rate: 16000}},
	{name: "time_limit", settings: object{"format": "wav", "time_limit": 5}, packets: 285, happens: func(c *spoken) { c.hangup(5600 * ms) }, want: held{to: -5 * second}},
	{name: "should_follow_transfer", settings: object{"format": "wav", "should_follow_transfer": true}, happens: transferred},
	{name: "should_follow_transfer false", settings: object{"format": "wav", "should_follow_transfer": false}, happens: transferred, want: held{to: 1200 * ms}},
	{name: "should_follow_transfer not said", settings: object{"format": "wav"}, happens: transferred},
}

func transferred(c *spoken) {
	c.act(1200*ms, "transfer", object{"leg": "callee", "call_id": c.id + "-c"})
}

// Every setting of record_call has its effect, in whichever way the action comes.
func guideRecordCall(t *testing.T, h house) {
	tests := map[string]func(t *testing.T){}
	for _, w := range ways {
		for _, s := range recordCalls {
			tests[w.name+", "+s.name] = func(t *testing.T) { s.byRecordCall(t, h.under(t), &w) }
		}
		tests[w.name+", names and method"] = func(t *testing.T) { w.names(t, h.under(t)) }
	}
	together(t, tests)
}

func (s setting) byRecordCall(t *testing.T, h house, w *way) {
	id := w.name + " " + s.name
	data := object{"action": "start", "url": h.in.URL + "/calls"}
	maps.Copy(data, s.settings)
	c := w.begin(t, h, id, recordCall(data), max(s.packets, 75), nil)
	c.speak()
	if got := c.origins(); len(got) != 1 || got[0] != w.origin {
		t.Errorf("made because %q, want %q", got, w.origin)
	}
	s.end(c)
	if s.state != "" {
		c.becomes(0, s.state)
		return
	}
	d := s.delivered(c)
	if want := "/calls/call_recording_" + escaped(id) + "." + cmp.Or(s.want.format, "wav"); d.method != http.MethodPut || d.path != want {
		t.Errorf("it came by %s to %s, want %s", d.method, d.path, want)
	}
}

// escaped is a call id as it stands in names.
func escaped(id string) string {
	return strings.NewReplacer(" ", "%20", ",", "%2C", "@", "%40").Replace(id)
}

// names shows label, media_name, origin, method and a url with a path of its own.
func (w *way) names(t *testing.T, h house) {
	id := "abc@10.0.0.1 " + w.name
	c := w.begin(t, h, id, recordCall(object{
		"action": "start", "format": "wav", "label": "sales, 2nd floor", "media_name": "the one.wav", "method": "post", "origin": "told",
		"url": h.in.URL + "/named/for/acme/",
	}), 75, object{"caller_id_name": "Ann Lee", "caller_id_number": "+1 555"})
	c.speak()
	want := setting{name: w.name}
	want.end(c)
	origin := "callflow : sales, 2nd floor"
	if !w.flow {
		origin = "told"
	}
	if r := c.data.Recordings[0]; r.Origin != origin || r.MediaName != "the one.wav" {
		t.Errorf("it is %+v, want because of %q", r, origin)
	}
	d := want.delivered(c)
	if d.method != http.MethodPost || d.path != "/named/for/acme/call_recording_"+escaped(id)+".wav" {
		t.Errorf("it came by %s to %s", d.method, d.path)
	}
	for key, value := range map[string]string{"call_id": id, "caller_id_name": "Ann Lee", "caller_id_number": "+1 555", "duration_ms": strconv.Itoa((c.at(lasts) - c.start) / ms)} {
		if d.query.Get(key) != value {
			t.Errorf("%s is %q, want %q", key, d.query.Get(key), value)
		}
	}
	var doc struct{ Name, Origin, State string }
	eventually(t, "it is delivered", time.Minute, func() bool {
		a := h.must(http.MethodGet, "/recordings/"+c.data.Recordings[0].ID, nil)
		return json.Unmarshal(a.Raw, &doc) == nil && doc.State == "delivered"
	})
	if doc.Name != "the one.wav" || doc.Origin != origin {
		t.Errorf("its document says %+v", doc)
	}
}

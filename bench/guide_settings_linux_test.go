package bench

import (
	"cmp"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// setting is what one set of settings in a user's document does to a call of that
// user: how it goes on, and what its file holds then.
type setting struct {
	name     string
	settings object
	packets  int               // said by each party; 75
	happens  func(c *spoken)   // until the hang-up, which comes by itself otherwise
	want     held              // to is the hang-up, if it is not said
	state    string            // of a recording that has no file
	to       func(h house) any // url; none is the inbox
}

const lasts = 1450 * ms

var settings = []setting{
	{name: "enabled", settings: object{}, want: held{format: "mp3", rate: 16000}},
	{name: "format wav", settings: object{"format": "wav"}},
	{name: "format mp3", settings: object{"format": "mp3"}, want: held{format: "mp3", rate: 16000}},
	{name: "record_min_sec reached", settings: object{"format": "wav", "record_min_sec": 1}, happens: hungUp(1000 * ms), want: held{to: -1000 * ms}},
	{name: "record_min_sec missed", settings: object{"format": "wav", "record_min_sec": 1}, happens: hungUp(999 * ms), state: "discarded"},
	{name: "record_on_answer", settings: object{"format": "wav", "record_on_answer": true}, happens: answered, want: held{from: 300 * ms}},
	{name: "record_on_answer, without one", settings: object{"format": "wav", "record_on_answer": true}, state: "cancelled"},
	{name: "record_on_answer, of the other leg", settings: object{"format": "wav", "record_on_answer": true}, happens: func(c *spoken) {
		c.act(300*ms, "answer", object{"leg": "callee"})
	}, state: "cancelled"},
	{name: "record_on_bridge", settings: object{"format": "wav", "record_on_bridge": true}, happens: answered, want: held{from: 500 * ms}},
	{name: "record_on_bridge, without one", settings: object{"format": "wav", "record_on_bridge": true}, happens: func(c *spoken) {
		c.act(300*ms, "answer", nil)
	}, state: "cancelled"},
	{name: "both, at the first", settings: object{"format": "wav", "record_on_bridge": true, "record_on_answer": true}, happens: answered, want: held{from: 300 * ms}},
	{name: "both, without an answer", settings: object{"format": "wav", "record_on_bridge": true, "record_on_answer": true}, happens: func(c *spoken) {
		c.act(500*ms, "bridge", nil)
	}, want: held{from: 500 * ms}},
	{name: "neither", settings: object{"format": "wav", "record_on_bridge": false, "record_on_answer": false}, happens: answered},
	{name: "record_sample_rate 8000 mp3", settings: object{"record_sample_rate": 8000}, want: held{format: "mp3", rate: 8000}},
	{name: "record_sample_rate 11025 wav", settings: object{"format": "wav", "record_sample_rate": 11025}, want: held{rate: 11025}},
	{name: "record_sample_rate 16000 wav", settings: object{"format": "wav", "record_sample_rate": 16000}, want: held{rate: 16000}},
	{name: "record_sample_rate 22050 mp3", settings: object{"record_sample_rate": 22050}, want: held{format: "mp3", rate: 22050}},
	{name: "record_sample_rate 44100 wav", settings: object{"format": "wav", "record_sample_rate": 44100}, want: held{rate: 44100}},
	{name: "record_sample_rate 48000 mp3", settings: object{"record_sample_rate": 48000}, want: held{format: "mp3", rate: 48000}},
	{name: "time_limit", settings: object{"format": "wav", "time_limit": 5}, packets: 275, happens: func(c *spoken) {
		c.until(5300 * ms)
		if a := c.h.must(http.MethodGet, c.path(), nil); a.Data.State == "ended" || a.Data.Recordings[0].State == "recording" {
			c.t.Errorf("after its limit the recording is %s, the call %s", a.Data.Recordings[0].State, a.Data.State)
		}
		c.hangup(5400 * ms)
	}, want: held{to: -5 * second}},
	{name: "time_limit after the answer", settings: object{"format": "wav", "time_limit": 5, "record_on_answer": true}, packets: 290, happens: func(c *spoken) {
		c.act(500*ms, "answer", nil)
		c.hangup(5700 * ms)
	}, want: held{from: 500 * ms, to: -5 * second}},
	{name: "url none", settings: object{"format": "wav"}, to: func(house) any { return nil }},
	{name: "url with a query", settings: object{"format": "wav"}, to: func(h house) any { return h.in.URL + "/i.php?key=1&recording=" }},
}

// hungUp is a hang-up when the recording asked for is so long.
func hungUp(length int) func(c *spoken) {
	return func(c *spoken) {
		if c.zero > c.start+200*ms {
			c.t.Skipf("the machine is too busy: the parties begin after %d ms", (c.zero-c.start)/ms)
		}
		c.hangup(c.start + length - c.zero)
	}
}

func answered(c *spoken) {
	c.act(300*ms, "answer", nil)
	c.act(500*ms, "bridge", nil)
}

// Each of the guide's eight settings has its effect, in the file or on its way.
func guideSettings(t *testing.T, h house) {
	tests := map[string]func(t *testing.T){}
	for _, s := range settings {
		tests[s.name] = func(t *testing.T) { s.show(t, h.under(t)) }
	}
	together(t, tests)
}

func (s setting) show(t *testing.T, h house) {
	id := strings.NewReplacer(" ", "-", ",", "").Replace(s.name)
	doc := object{"enabled": true, "url": h.in.URL + "/" + id}
	if s.to != nil {
		doc["url"] = s.to(h)
	}
	for k, v := range s.settings {
		doc[k] = v
	}
	h.must(http.MethodPut, "/users", object{"id": id, "first_name": "A", "last_name": "B"})
	h.must(http.MethodPatch, "/users/"+id, object{"call_recording": object{"outbound": object{"onnet": doc}}})
	c := h.call(t, id, object{"caller": object{"user_id": id}}, max(s.packets, 75))
	c.speak()
	s.end(c)
	if s.state != "" {
		c.becomes(0, s.state)
		return
	}
	if r := c.data.Recordings[0]; doc["url"] == nil {
		b, err := os.ReadFile(h.stored(r.ID, 30*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		c.holds(s.name, listen(t, b, "wav"), s.want)
		return
	}
	d := s.delivered(c)
	name := "call_recording_" + id + "." + cmp.Or(s.want.format, "wav")
	switch {
	case s.to == nil && d.path != "/"+id+"/"+name:
		t.Errorf("it came to %s", d.path)
	case s.to != nil && (d.path != "/i.php" || d.query.Get("key") != "1" || d.query.Get("recording") != name):
		t.Errorf("it came to %s with %v", d.path, d.query)
	}
}

// end lets happen what happens, and the call end.
func (s *setting) end(c *spoken) {
	c.t.Helper()
	if s.happens != nil {
		s.happens(c)
	}
	if c.data.State != "ended" {
		c.hangup(lasts)
	}
	if s.want.from = c.at(s.want.from); s.want.from == c.zero {
		s.want.from = c.start
	}
	switch {
	case s.want.to == 0:
		s.want.to = c.at(lasts)
	case s.want.to < 0:
		s.want.to = s.want.from - s.want.to
	default:
		s.want.to = c.at(s.want.to)
	}
}

// delivered compares the call's first file, which has come to the inbox.
func (s *setting) delivered(c *spoken) delivery {
	c.t.Helper()
	r := c.data.Recordings[0]
	if want := c.epoch.UnixMilli() + int64(s.want.from/ms); r.Started.UnixMilli() != want {
		c.t.Errorf("it began at %v, %d ms off", r.Started, r.Started.UnixMilli()-want)
	}
	d := c.h.in.take(c.t, r.ID)
	c.holds(s.name, d.listen(c.t), s.want)
	return d
}

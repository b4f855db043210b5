package bench

import (
	"cmp"
	"maps"
	"math"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// dictation is one end of a record_caller.
type dictation struct {
	name     string
	settings object
	packets  int             // said by each party
	key      string          // pressed by the caller at pressed, as an event of RFC 4733
	says     func(k *talk)   // changes what the caller says
	happens  func(c *spoken) // until the hang-up
	hangup   int
	reason   string
	end      func(c *spoken) int // where on the timeline the file must end
	within   int                 // to so many samples
	want     held                // format and rate
	alone    bool                // nothing follows
}

// The caller presses a key in this packet.
const pressed = 40

// keys are those of a telephone, by their event codes.
const keys = "0123456789*#"

func atTheKey(c *spoken) int    { return c.place[0] + pressed*frame }
func atTheHangup(c *spoken) int { return c.at(lasts) }

var dictations = []dictation{
	{name: "key", packets: 75, key: "5", hangup: lasts, reason: "digit", end: atTheKey},
	{name: "key in band", packets: 75, says: dials('8'), hangup: lasts, reason: "digit", end: atTheKey, within: 8 * ms},
	{name: "hang-up", packets: 75, hangup: lasts, reason: "hangup", end: atTheHangup, alone: true},
	{name: "hang-up, mp3 not said", settings: object{"format": nil}, packets: 75, hangup: lasts, reason: "hangup", end: atTheHangup, want: held{format: "mp3", rate: 16000}, alone: true},
	{name: "method post", settings: object{"method": "post"}, packets: 75, hangup: lasts, reason: "hangup", end: atTheHangup, alone: true},
	{name: "no url", settings: object{"url": nil}, packets: 75, hangup: lasts, reason: "hangup", end: atTheHangup, alone: true},
	{name: "stop does not end it, an id does", packets: 75, happens: func(c *spoken) {
		if a := c.meta(800*ms, object{"action": "stop"}); a.Code != http.StatusNotFound {
			c.t.Errorf("stop: %d %s", a.Code, a.Raw)
		}
		c.metaOK(900*ms, object{"action": "stop", "id": c.data.Recordings[0].ID})
	}, hangup: lasts, reason: "stop", end: func(c *spoken) int { return c.at(900 * ms) }},
	{name: "limit", settings: object{"time_limit": 5}, packets: 305, hangup: 6000 * ms, reason: "time_limit", end: func(c *spoken) int { return c.start + 5*second }},
	{name: "silence", packets: 340, says: func(k *talk) {
		for i := 30 * frame; i < len(k.octets); i++ {
			k.octets[i] = 0xFF
		}
	}, hangup: 6700 * ms, reason: "silence", end: silentFor5},
}

// dials puts a key into what is said, as a telephone sends it in band: 100 ms of two
// tones.
func dials(key byte) func(k *talk) {
	at := strings.IndexByte("123A456B789C*0#D", key)
	low, high := []float64{697, 770, 852, 941}[at/4], []float64{1209, 1336, 1477, 1633}[at%4]
	return func(k *talk) {
		for i := range 5 * frame {
			w := 2 * math.Pi * float64(i) / 8000
			k.octets[pressed*frame+i] = compress(4000 * (math.Sin(low*w) + math.Sin(high*w)))
		}
	}
}

// silentFor5 is the end of the first 5 s in which each 20 ms, from the beginning of
// the file on, has a mean magnitude below 200.
func silentFor5(c *spoken) int {
	k, leg := c.talks[0], newChannel(12*second)
	k.lay(leg, c.place[0], 0, len(k.sent))
	quiet := 0
	for at := c.start; ; at += 20 * ms {
		total := 0
		for _, v := range leg.pcm[at : at+20*ms] {
			total += max(int(v), -int(v))
		}
		if quiet++; total >= 200*20*ms {
			quiet = 0
		}
		if quiet == 250 {
			return at + 20*ms
		}
	}
}

// record_caller records the caller alone, and ends at the first of a key, silence,
// its limit and the hang-up; there its child begins. It comes by each way of a callflow.
func guideRecordCaller(t *testing.T, h house) {
	tests := map[string]func(t *testing.T){}
	for _, w := range ways {
		if !w.flow {
			continue
		}
		for _, d := range dictations {
			tests[w.name+", "+d.name] = func(t *testing.T) { d.show(t, h.under(t), &w) }
		}
	}
	for i := range keys {
		if !long() && i%4 != 3 {
			continue
		}
		d := dictations[0]
		d.key = keys[i : i+1]
		tests["key "+d.key] = func(t *testing.T) { d.show(t, h.under(t), &ways[0]) }
		d.name, d.key, d.says, d.within = "in band", "", dials(keys[i]), 8*ms
		tests["key "+keys[i:i+1]+" in band"] = func(t *testing.T) { d.show(t, h.under(t), &ways[0]) }
	}
	together(t, tests)
}

func (d dictation) show(t *testing.T, h house, w *way) {
	id := strings.NewReplacer("/", " ", "#", "hash").Replace(t.Name()) + "@10.0.0.1"
	data := object{"format": "wav", "url": h.in.URL + "/mail/"}
	maps.Copy(data, d.settings)
	for k, v := range data {
		if v == nil {
			delete(data, k)
		}
	}
	follows := recordCall(object{"action": "start", "format": "wav", "url": h.in.URL + "/mail/"})
	c := w.begin(t, h, id, node("record_caller", data, follows), d.packets, nil)
	if d.says != nil {
		d.says(c.talks[0])
	}
	if d.key != "" {
		code := byte(strings.Index(keys, d.key))
		c.key, c.pressed = &code, pressed
	}
	c.speak()
	if d.happens != nil {
		d.happens(c)
	}
	c.hangup(d.hangup)
	sound, name := d.file(c, data)
	if method := cmp.Or(d.settings["method"], any("put")); name != "" && name != strings.ToUpper(method.(string))+" /mail/"+escaped(id)+"."+sound.format {
		t.Errorf("it came by %s", name)
	}
	d.want.legs, d.want.from = "caller", c.start
	d.want.to = c.start + len(sound.channels[0])*8000/sound.rate
	c.holds("the caller", sound, d.want)
	const rounded = 1 // a leg may lie between two samples
	if want := d.end(c); d.want.to < want-d.within-rounded || d.want.to > want+d.within+rounded {
		t.Errorf("it ends at %d, want %d", d.want.to, want)
	}
	if r := c.recording(0); r.Reason != d.reason || r.Origin != w.origin {
		t.Errorf("it ended by %s, made because %q", r.Reason, r.Origin)
	}
	if d.alone {
		if n := len(c.h.must(http.MethodGet, c.path(), nil).Data.Recordings); n != 1 {
			t.Errorf("%d recordings", n)
		}
		return
	}
	eventually(t, "the child has run", time.Minute, func() bool { return len(c.h.must(http.MethodGet, c.path(), nil).Data.Recordings) == 2 })
	got := h.in.take(t, c.recording(1).ID)
	if got.path != "/mail/call_recording_"+escaped(id)+".wav" {
		t.Errorf("what follows came to %s", got.path)
	}
	c.holds("what follows", got.listen(t), held{from: d.want.to, to: c.at(d.hangup)})
}

// file is what came of the record_caller, or is in the storage.
func (d *dictation) file(c *spoken, data object) (s sound, came string) {
	c.t.Helper()
	id := c.data.Recordings[0].ID
	if data["url"] == nil {
		b, err := os.ReadFile(c.h.stored(id, 30*time.Second))
		if err != nil {
			c.t.Fatal(err)
		}
		return listen(c.t, b, "wav"), ""
	}
	got := c.h.in.take(c.t, id)
	if got.queried {
		c.t.Errorf("it came with a query: %v", got.query)
	}
	return got.listen(c.t), got.method + " " + got.path
}

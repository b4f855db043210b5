package bench

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// three is a call with three recordings, made in this order, of which the last waits
// for an answer.
func (w *way) three(t *testing.T, h house, id string) *spoken {
	t.Helper()
	named := func(name string) object {
		return object{"action": "start", "format": "wav", "media_name": name, "url": h.in.URL + "/three"}
	}
	c := w.begin(t, h, id, recordCall(named("one"), recordCall(named("two"))), 75, nil)
	if !w.flow { // one action at a time
		c.metaOK(c.start, named("two"))
	}
	waits := named("three")
	waits["record_on_answer"] = true
	c.speak()
	w.bring(c, 300*ms, recordCall(waits))
	return c
}

// stop is the way's own action stop, later.
func (w *way) stop(c *spoken, instant int, data object) {
	c.t.Helper()
	said := object{"action": "stop"}
	for k, v := range data {
		said[k] = v
	}
	w.bring(c, instant, recordCall(said))
}

// ended compares two of the call's three recordings, which end at these instants; the
// last never began.
func (c *spoken) ended(instants ...int) {
	c.t.Helper()
	for i, to := range instants {
		d := c.h.in.take(c.t, c.data.Recordings[i].ID)
		c.holds(c.data.Recordings[i].MediaName, d.listen(c.t), held{from: c.start, to: c.at(to)})
	}
	c.becomes(2, "cancelled")
}

// Stop ends the newest recording, be it one that only waits, unless a name or an id
// says which. A flow cannot say an id.
func guideStop(t *testing.T, h house) {
	tests := map[string]func(t *testing.T){}
	for _, w := range ways {
		tests[w.name+", the newest"] = func(t *testing.T) {
			c := w.three(t, h, w.name+" newest")
			w.stop(c, 900*ms, nil)
			w.stop(c, 1000*ms, nil)
			w.stop(c, 1200*ms, nil)
			c.hangup(lasts)
			c.ended(1200*ms, 1000*ms)
		}
		tests[w.name+", by media_name"] = func(t *testing.T) {
			c := w.three(t, h, w.name+" named")
			w.stop(c, 900*ms, object{"media_name": "one"})
			w.stop(c, 1100*ms, nil) // the one that waits
			c.hangup(lasts)
			c.ended(900*ms, lasts)
		}
	}
	tests["metaflow, by id"] = func(t *testing.T) {
		c := ways[4].three(t, h, "by id")
		ways[4].stop(c, 900*ms, object{"id": c.data.Recordings[1].ID})
		ways[4].stop(c, 1000*ms, object{"id": c.data.Recordings[2].ID})
		for what, data := range map[string]object{
			"the id of one that is over": {"action": "stop", "id": c.data.Recordings[1].ID},
			"a name of none":             {"action": "stop", "media_name": "four"},
		} {
			if a := c.meta(1100*ms, data); a.Code != http.StatusNotFound {
				t.Errorf("%s: %d %s", what, a.Code, a.Raw)
			}
		}
		c.hangup(lasts)
		c.ended(lasts, 900*ms)
	}
	tests["a flow goes on without one to stop"] = func(t *testing.T) {
		c := h.call(t, "nothing to stop", object{"flow": recordCall(object{"action": "stop"}, recordCall(object{"action": "start", "format": "wav", "url": h.in.URL}))}, 75)
		if len(c.data.Recordings) != 1 || !slices.ContainsFunc(c.data.Warnings, func(s string) bool { return strings.Contains(s, "flow: there was no recording to stop") }) {
			t.Errorf("%d recordings, warnings %q", len(c.data.Recordings), c.data.Warnings)
		}
		c.speak()
		c.hangup(lasts)
		c.holds("what follows", h.in.take(t, c.data.Recordings[0].ID).listen(t), held{to: c.at(lasts)})
	}
	tests["faults"] = func(t *testing.T) { actionFaults(t, h.under(t)) }
	together(t, tests)
}

// actionFaults are actions that a flow and a metaflow do not take.
func actionFaults(t *testing.T, h house) {
	c := h.call(t, "faults", nil, 0)
	for _, f := range []struct {
		data object
		says string // in a flow; and of a metaflow
		meta string
	}{
		{object{}, `{"flow.data.action":{"required"`, ""},
		{object{"action": "mask"}, `{"flow.data.action":{"enum"`, ""},
		{object{"action": "begin"}, `{"flow.data.action":{"enum"`, `{"data.data.action":{"enum"`},
		{object{"action": "start", "format": "ogg"}, `{"flow.data.format":{"enum"`, `{"data.data.format":{"enum"`},
		{object{"action": "start", "time_limit": 4}, `{"flow.data.time_limit":{"minimum"`, ""},
		{object{"action": "start", "time_limit": 10801}, `{"flow.data.time_limit":{"maximum"`, ""}, // a metaflow's is brought within bounds
		{object{"action": "start", "url": "ftp://h.example/"}, `{"flow.data.url":{"error"`, `{"data.data.url":{"error"`},
	} {
		data := object{"action": "callflow", "flow": recordCall(f.data)}
		if a := c.tell(http.MethodPost, 100*ms, data, data); a.Code != http.StatusBadRequest || !strings.HasPrefix(string(a.Raw), f.says) {
			t.Errorf("flow %v: %d %s", f.data, a.Code, a.Raw)
		}
		if f.meta == "" {
			continue
		}
		if a := c.meta(100*ms, f.data); a.Code != http.StatusBadRequest || !strings.HasPrefix(string(a.Raw), f.meta) {
			t.Errorf("metaflow %v: %d %s", f.data, a.Code, a.Raw)
		}
	}
	c.hangup(200 * ms)
}

// Mask makes silence of the same length, in every recording or in one; toggle is the
// other of the two.
func guideMask(t *testing.T, h house) {
	two := func(t *testing.T, id string) *spoken {
		named := func(name string) object {
			return object{"action": "start", "format": "wav", "media_name": name, "url": h.in.URL + "/masked"}
		}
		c := h.call(t, "mask "+id, object{"flow": recordCall(named("one"), recordCall(named("two")))}, 90)
		c.speak()
		return c
	}
	check := func(c *spoken, masks ...[][2]int) {
		c.t.Helper()
		c.hangup(1750 * ms)
		for i, m := range masks {
			d, h := c.h.in.take(c.t, c.data.Recordings[i].ID), held{to: c.at(1750 * ms)}
			for _, hidden := range m {
				h.masks = append(h.masks, [2]int{c.at(hidden[0]), c.at(hidden[1])})
			}
			c.holds(c.data.Recordings[i].MediaName, d.listen(c.t), h)
		}
	}
	together(t, map[string]func(t *testing.T){
		"all": func(t *testing.T) {
			c := two(t, "all")
			c.metaOK(1000*ms, object{"action": "mask"})
			c.metaOK(1010*ms, object{"action": "mask"}) // it is
			c.metaOK(1317*ms, object{"action": "unmask"})
			all := [][2]int{{1000 * ms, 1317 * ms}}
			check(c, all, all)
		},
		"by media_name, to the end": func(t *testing.T) {
			c := two(t, "named")
			c.metaOK(1300*ms, object{"action": "mask", "media_name": "one"})
			check(c, [][2]int{{1300 * ms, 1750 * ms}}, nil)
		},
		"by id": func(t *testing.T) {
			c := two(t, "by id")
			c.metaOK(700*ms, object{"action": "mask", "id": c.data.Recordings[1].ID})
			c.metaOK(900*ms, object{"action": "unmask", "id": c.data.Recordings[1].ID})
			check(c, nil, [][2]int{{700 * ms, 900 * ms}})
		},
		"toggle": func(t *testing.T) {
			c := two(t, "toggle")
			c.metaOK(600*ms, object{"action": "mask", "media_name": "one"})
			c.metaOK(800*ms, object{}) // toggle is what a metaflow does that does not say
			c.metaOK(1000*ms, object{"action": "toggle"})
			c.metaOK(1200*ms, object{"action": "toggle", "media_name": "one"})
			check(c, [][2]int{{600 * ms, 800 * ms}, {1000 * ms, 1200 * ms}}, [][2]int{{800 * ms, 1000 * ms}})
		},
	})
}

package bench

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"
)

// A call that the account, its caller, its callee and its callflow all have recorded,
// each in its own way, is captured once, and gives four files, each as it should be.
// Nothing overwrites anything, even where all go to one folder.
func TestGuideSeveralRecordings(t *testing.T) {
	t.Parallel()
	h := openHouse(t, "23200-23239")
	four := []struct {
		settings object // besides url
		want     held   // from and to are instants of answers, and a limit
		name     string // by call id and recording id
	}{
		{object{"format": "wav"}, held{format: "wav", rate: 8000}, "call_recording_%[1]s.wav"},
		{object{"time_limit": 5}, held{format: "mp3", rate: 16000, to: -5 * second}, "call_recording_%[1]s_%[2]s.mp3"},
		{object{"format": "wav", "record_sample_rate": 16000}, held{format: "wav", rate: 16000, from: 300 * ms}, "call_recording_%[1]s-b.wav"},
		{object{"format": "wav", "record_on_answer": true, "label": "extra", "action": "start"}, held{format: "wav", rate: 8000, from: 400 * ms}, "call_recording_%[1]s_%[2]s.wav"},
	}
	one := func(int) string { return "one" }
	ring := func(account string, folder func(i int) string) *spoken {
		h := h.open(account)
		var said [4]object
		for i, f := range four {
			said[i] = maps.Clone(f.settings)
			said[i]["url"] = h.in.URL + "/" + account + "/" + folder(i)
			if i < 3 {
				said[i]["enabled"] = true
			}
		}
		h.must(http.MethodPatch, "", object{"call_recording": object{"account": object{"inbound": object{"onnet": said[0]}}}})
		h.must(http.MethodPut, "/users", object{"id": "cara", "first_name": "C", "last_name": "A", "call_recording": object{"outbound": object{"any": said[1]}}})
		h.must(http.MethodPut, "/devices", object{"id": "desk", "name": "desk", "call_recording": object{"any": object{"onnet": said[2]}}})
		c := h.call(t, account, object{"caller": object{"user_id": "cara"}, "callee": object{"device_id": "desk"}, "flow": recordCall(said[3])}, 280)
		c.speak()
		return c
	}
	judge := func(t *testing.T, c *spoken, folder func(i int) string) {
		c.under(t)
		legs := slices.Clone(c.data.Legs)
		c.act(300*ms, "answer", object{"leg": "callee"})
		c.act(400*ms, "answer", nil)
		if want := []string{intoOn, fromOn, toOn, "callflow : extra"}; !slices.Equal(c.origins(), want) {
			t.Errorf("recorded because %q, want %q", c.origins(), want)
		}
		if !slices.Equal(c.data.Legs, legs) || len(legs) != 2 || legs[0].RTPPort == legs[1].RTPPort {
			t.Errorf("the ports were %+v and are %+v", legs, c.data.Legs)
		}
		c.hangup(5500 * ms)
		for i, f := range four {
			d, want := c.h.in.take(t, c.data.Recordings[i].ID), f.want
			if want.from > 0 {
				want.from = c.at(want.from)
			}
			if want.to = want.from - want.to; f.want.to == 0 {
				want.to = c.at(5500 * ms)
			}
			name := fmt.Sprintf(f.name, c.id, c.data.Recordings[i].ID)
			if d.path != "/"+c.id+"/"+folder(i)+"/"+name {
				t.Errorf("recording %d came to %s, want %s", i, d.path, name)
			}
			c.holds(fmt.Sprint("recording ", i), d.listen(t), want)
		}
	}
	apart := ring("apart", strconv.Itoa)
	eventually(t, "one call has two pairs of ports open", 5*time.Second, func() bool { return h.metric(`callrec_port_pairs{state="open"}`) == 2 })
	beside := ring("beside", one)
	together(t, map[string]func(t *testing.T){
		"each to its own url": func(t *testing.T) { judge(t, apart, strconv.Itoa) },
		"all to one url":      func(t *testing.T) { judge(t, beside, one) },
	})
	for path, n := range h.in.paths() {
		if n > 1 {
			t.Errorf("%d files came to %s", n, path)
		}
	}
}

package control_test

import (
	"encoding/json"
	"testing"
	"time"

	"callrec/control"
	"callrec/recording"
)

// A recording of the callee's leg has that leg's call id, and the caller's beside it.
func TestRecordedOfTheCallee(t *testing.T) {
	spec := recording.CallSpec{ID: recording.CallID{Account: "acme", Call: "a"}, OtherLegCallID: "b"}
	for _, c := range []struct{ leg, call, other string }{{"b", "b", "a"}, {"a", "a", "b"}, {"", "a", "b"}} {
		r := control.Recorded(&recording.Event{Spec: spec, Recording: &recording.Info{ID: "202611-1", CallID: c.leg}})
		var doc struct {
			CallID string `json:"call_id"`
			Other  string `json:"other_leg_call_id"`
			CDR    string `json:"cdr_id"`
		}
		if err := json.Unmarshal(r.Doc, &doc); err != nil {
			t.Fatal(err)
		}
		if r.CallID != c.call || doc.CallID != c.call || doc.Other != c.other || doc.CDR[7:] != c.call {
			t.Errorf("leg %q: %s, %s", c.leg, r.CallID, r.Doc)
		}
	}
}

// A delivery that succeeds says nothing new of why a recording is as it is; one that
// fails does, until it succeeds.
func TestSettled(t *testing.T) {
	for _, c := range []struct {
		was, doc, reason string
		to               recording.State
		want             string
	}{
		{"spooled", `{"a":1,"state":"spooled"}`, "", recording.Delivered, `{"a":1,"state":"delivered"}`},
		{"spooled", `{"reason":"interrupted","state":"spooled"}`, "", recording.Delivered, `{"reason":"interrupted","state":"delivered"}`},
		{"spooled", `{"reason":"interrupted","state":"spooled"}`, "404", recording.Parked, `{"reason":"404","state":"parked"}`},
		{"parked", `{"reason":"404","state":"parked"}`, "", recording.Delivered, `{"state":"delivered"}`},
	} {
		out, err := control.Settled(&control.Recording{ID: "r", State: c.was, Doc: json.RawMessage(c.doc)}, c.to, c.reason, time.Unix(9, 0))
		if err != nil || string(out.Doc) != c.want || out.State != c.to.String() || out.ID != "r" || !out.At.Equal(time.Unix(9, 0)) {
			t.Errorf("%s %s: %s, %+v, %v", c.was, c.doc, out.Doc, out, err)
		}
	}
}

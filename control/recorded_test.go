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

// What is lost keeps all that was known of it, but for its state and why.
func TestFailed(t *testing.T) {
	was := control.Recording{ID: "r", State: "spooled", Doc: json.RawMessage(`{"a":1,"reason":"interrupted","state":"spooled"}`)}
	out, err := control.Failed(&was, "not there", time.Unix(9, 0))
	if err != nil || string(out.Doc) != `{"a":1,"reason":"not there","state":"failed"}` || out.State != "failed" || out.ID != "r" || !out.At.Equal(time.Unix(9, 0)) {
		t.Errorf("%s, %+v, %v", out.Doc, out, err)
	}
}

package control_test

import (
	"encoding/json"
	"testing"

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

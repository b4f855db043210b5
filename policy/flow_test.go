package policy_test

import (
	"fmt"
	"slices"
	"testing"

	"callrec/policy"
)

func TestFlow(t *testing.T) {
	first, warnings := load(t).Flow(decode(t, `{
		"module": "menu", "data": {"id": "m"}, "children": {"1": {"module": "user", "data": {}}, "_": {
		"module": "record_call", "name": "n", "data": {"action": "start", "label": "sales", "media_name": "m.wav", "method": "POST", "format": "wav",
			"should_follow_transfer": false, "record_on_answer": true, "time_limit": 60, "origin": "mine", "colour": "red"}, "children": {"_": {
		"module": "record_call", "data": {"action": "start", "skip_module": true}, "children": {"_": {
		"module": "record_call", "data": {"action": "stop", "media_name": "m.wav"}, "children": {"_": {
		"module": "record_caller", "data": {"format": "mp3", "method": "post", "time_limit": 30, "url": "http://h.example", "label": "no"}}}}}}}}}}`), "flow")
	var got []string
	for n := first; n != nil; n = n.Next {
		switch a := n.Action.(type) {
		case *policy.RecordCall:
			s := a.Settings
			line := fmt.Sprintf("%s stop=%v %s %s %s %s", n.Path, a.Stop, s.Label, s.MediaName, s.Method, s.Format)
			if !a.Stop {
				line += fmt.Sprint(*s.ShouldFollowTransfer, s.RecordOnAnswer, *s.TimeLimit)
			}
			got = append(got, line)
		case *policy.RecordCaller:
			s := a.Settings
			got = append(got, fmt.Sprintf("%s caller %s %s %d %s %q", n.Path, s.Format, s.Method, *s.TimeLimit, s.URL, s.Label))
		default:
			got = append(got, n.Path)
		}
	}
	want := []string{
		"flow",
		"flow.children._ stop=false sales m.wav POST wavfalse true 60",
		"flow.children._.children._",
		"flow.children._.children._.children._ stop=true  m.wav  ",
		`flow.children._.children._.children._.children._ caller mp3 post 30 http://h.example ""`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want\n%q", got, want)
	}
	var told []string
	for _, w := range warnings {
		told = append(told, w.String())
	}
	wantTold := []string{
		"flow.module does not record and is passed over",
		"flow.children.1 is never reached: the flow continues with its child _",
		"flow.children._.data.colour is no setting of record_call and is ignored",
		"flow.children._.name is unknown and ignored",
		"flow.children._.children._.children._.children._.data.label is no setting of record_caller and is ignored",
	}
	if !slices.Equal(told, wantTold) {
		t.Errorf("%q, want\n%q", told, wantTold)
	}
	if n, w := load(t).Flow(nil, "flow"); n != nil || w != nil {
		t.Error("no node is a node")
	}
}

func TestOriginOfAFlow(t *testing.T) {
	for _, c := range [][4]string{
		{"sales", "main", "sip:1001@acme.example", "callflow : sales"},
		{"", "main", "sip:1001@acme.example", "callflow : main"},
		{"", "", "SIP:1001@acme.example", "callflow : 1001"},
		{"", "", "tel:+15551234567", "callflow : +15551234567"},
		{"", "", "", "callflow : unknown"},
	} {
		r := policy.RecordCall{Settings: policy.Settings{Label: c[0]}}
		if got := r.Origin(c[1], c[2]); got != c[3] {
			t.Errorf("%q, want %q", got, c[3])
		}
	}
}

package httpapi_test

import (
	"reflect"
	"strings"
	"testing"

	"callrec/recording"
)

// A flow reaches the recorder whole, with an announcement as with the action, and
// what is passed over or finds nothing is a warning.
func TestFlows(t *testing.T) {
	const (
		start  = `{"module":"record_call","data":{"action":"start"}`
		stop   = `{"module":"record_call","data":{"action":"stop","media_name":"m"}`
		caller = `{"module":"record_caller","data":{"format":"wav","method":"post","time_limit":30,"url":"http://192.0.2.1/"}`
		play   = `{"module":"play","data":{"id":"p"}`
	)
	tests := []struct {
		name     string
		nodes    []string
		flow     string // what reaches the recorder
		warnings []string
	}{
		{"start", []string{start}, "start", nil},
		{"start start", []string{start, start}, "start start", nil},
		{"start stop start", []string{start, stop, start}, "start stop:m start", nil},
		{"stop alone", []string{stop}, "stop:m", []string{"flow: there was no recording to stop"}},
		{"skipped", []string{`{"module":"record_call","data":{"action":"start","skip_module":true}`, start}, "start", nil},
		{"another module", []string{play, start}, "start", []string{"flow.module does not record and is passed over"}},
		{"nothing to do", []string{play}, "", []string{"flow.module does not record and is passed over"}},
		{"caller", []string{start, caller, play, stop, start}, "start caller(stop:m start)", []string{"flow.children._.children._.module does not record and is passed over"}},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			flow := c.nodes[len(c.nodes)-1] + "}"
			for i := len(c.nodes) - 2; i >= 0; i-- {
				flow = c.nodes[i] + `,"children":{"_":` + flow + `}}`
			}
			d := newDoor(t)
			data := d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1","flow":`+flow+`}}`)
			spec := d.calls[recording.CallID{Account: "acme", Call: "c1"}].Spec
			if got := short(spec.Flow); got != c.flow || spec.Start != nil {
				t.Errorf("flow %q, want %q", got, c.flow)
			}
			var warnings []string
			for _, w := range list(data["warnings"]) {
				warnings = append(warnings, w.(string))
			}
			if !reflect.DeepEqual(warnings, c.warnings) {
				t.Errorf("warnings %q, want %q", warnings, c.warnings)
			}
			told := 0
			for _, rec := range list(data["recordings"]) {
				if rec.(map[string]any)["module"] == "record_caller" {
					told++
				}
			}
			if told != strings.Count(c.flow, "caller") {
				t.Errorf("recordings %v", data["recordings"])
			}
			recordings := len(d.calls[spec.ID].Recordings)
			d.must(t, 200, "PUT", channels, `{"data":{"call_id":"c1","flow":`+flow+`}}`)
			if len(d.commands) != 0 || len(d.calls[spec.ID].Recordings) != recordings {
				t.Error("the announcement given again did something")
			}
			d.must(t, 200, "POST", call, `{"data":{"action":"callflow","flow":`+flow+`}}`)
			if cmd := d.commands[0]; cmd.Action != recording.RunFlow || short(cmd.Flow) != c.flow || !cmd.At.Equal(clock) {
				t.Errorf("command %+v", cmd)
			}
		})
	}
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// short is a flow on one line.
func short(f recording.Flow) string {
	var out []string
	for _, n := range f {
		switch {
		case n.Start == nil:
			out = append(out, "stop:"+n.MediaName)
		case n.Start.CallerOnly:
			out = append(out, "caller("+short(n.Start.Then)+")")
		default:
			out = append(out, "start")
		}
	}
	return strings.Join(out, " ")
}

package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"callrec/recording"
)

// origins lists the recordings of a call as an answer tells them.
func origins(data map[string]any) string {
	var out []string
	list, _ := data["recordings"].([]any)
	for _, item := range list {
		out = append(out, item.(map[string]any)["origin"].(string))
	}
	return strings.Join(out, "; ")
}

// Account, both ends, a stored callflow: each has its recording, of one call, in order.
func TestAnnounceDecides(t *testing.T) {
	d := newTenant(t)
	d.must(t, 200, "PATCH", acme, `{"data":{"call_recording":{"account":{"any":{"any":{"enabled":true,"format":"wav"}}}}}}`)
	d.must(t, 200, "PATCH", ann, `{"data":{"call_recording":{"outbound":{"any":{"enabled":true,"url":"http://ann.example/"}}}}}`)
	d.must(t, 201, "PUT", acme+"/users", `{"data":{"id":"bob","first_name":"Bob","last_name":"Ray","call_recording":{"inbound":{"onnet":{"enabled":true,"time_limit":60}}}}}`)
	d.must(t, 201, "PUT", acme+"/callflows", `{"data":{"id":"sales","name":"Sales","flow":{"module":"menu","data":{},"children":{"_":{"module":"record_call","data":{"action":"start"},
	  "children":{"_":{"module":"record_call","data":{"action":"stop"}}}}}}}}`)
	const both = `{"data":{"call_id":"c1","from_network":"onnet","to_network":"onnet","caller":{"device_id":"d1"},"callee":{"user_id":"bob"},"callflow_id":"sales"}}`
	data := d.must(t, 201, "PUT", channels, both)
	const want = "inbound from onnet to account; outbound to onnet from endpoint; inbound from onnet to endpoint; callflow : Sales"
	if got := origins(data); got != want || fmt.Sprint(data["warnings"]) != "[callflows.sales.flow.module does not record and is passed over]" {
		t.Errorf("%s, warnings %v; want %s", got, data["warnings"], want)
	}
	info := d.calls[recording.CallID{Account: "acme", Call: "c1"}]
	if flow := info.Spec.DecidedFlow; short(flow) != "start stop:" || info.Spec.Flow != nil {
		t.Fatalf("flow %q, stored %q", short(info.Spec.Flow), short(flow))
	}
	var owners []string
	for _, r := range append(info.Spec.Decided, *info.Spec.DecidedFlow[0].Start) {
		owners = append(owners, r.Leg.String()+" "+r.Owner)
	}
	if got := fmt.Sprint(owners); got != "[caller ann caller ann callee bob caller ann]" {
		t.Errorf("owners %s", got)
	}

	// The same announcement is the same, whatever the documents have become.
	d.must(t, 200, "PATCH", acme, `{"data":{"call_recording":null}}`)
	if got := origins(d.must(t, 200, "PUT", channels, both)); got != want {
		t.Errorf("again: %s", got)
	}

	data = d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c2","caller":{"user_id":"An"},"callee":{"user_id":"bob"}}}`)
	if got := origins(data); got != "inbound from onnet to endpoint" || fmt.Sprint(data["warnings"]) !=
		"[caller.user_id has no document and so no settings from_network is missing: the settings for onnet and, failing these, for offnet calls count]" {
		t.Errorf("%s, %v", got, data["warnings"])
	}

	data = d.must(t, 200, "POST", channels+"/c2", `{"data":{"action":"callflow","callflow_id":"sales"}}`)
	if got := origins(data); got != "inbound from onnet to endpoint; callflow : Sales" {
		t.Errorf("%s", got)
	}
}

func TestFlowFaults(t *testing.T) {
	d := newTenant(t)
	d.must(t, 201, "PUT", acme+"/callflows", `{"data":{"id":"ivr","flow":{"module":"record_call","data":{"action":"start"},"children":{"_":{"module":"record_caller","data":{}}}}}}`)
	d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1"}}`)
	const node = `{"module":"record_call","data":{"action":"start"}}`
	for _, c := range []struct {
		verb, path, data string
		status           int
		want             string // a problem, or the message
	}{
		{"PUT", channels, `{"call_id":"c2","callflow_id":"nope"}`, 400, "[callflow_id error]"},
		{"PUT", channels, `{"call_id":"c2","callflow_id":""}`, 400, "[callflow_id minLength]"},
		{"PUT", channels, `{"call_id":"c2","callflow_id":"ivr","flow":` + node + `}`, 400, "[flow additionalProperties]"},
		{"POST", call, `{"action":"callflow"}`, 400, "[flow required]"},
		{"PUT", channels, `{"call_id":"c2","flow":{"module":"record_caller","data":{"time_limit":4}}}`, 400, "[flow.data.time_limit minimum]"},
		{"POST", call, `{"action":"callflow","callflow_id":"nope"}`, 400, "[callflow_id error]"},
		{"POST", call, `{"action":"transfer","leg":"callee","callflow_id":"ivr"}`, 400, "[callflow_id additionalProperties]"},
		{"POST", call, `{"action":"answer","callflow_id":"ivr"}`, 400, "[callflow_id additionalProperties]"},
	} {
		status, out, _ := d.send(t, c.verb, c.path, `{"data":`+c.data+`}`)
		if status != c.status || (out["message"] != c.want && fmt.Sprint(problems(out)) != c.want) {
			t.Errorf("%s %s: %d %v, want %d %s", c.verb, c.data, status, out, c.status, c.want)
		}
	}
	if d.started != 0 || len(d.commands) != 0 {
		t.Errorf("%d recordings, commands %v: something was done all the same", d.started, d.commands)
	}
}

// A stored flow reaches the recorder whole, with record_caller and what follows it.
// A node that has gone wrong since it was stored costs a warning, and no call.
func TestStoredFlows(t *testing.T) {
	d := newTenant(t)
	d.must(t, 201, "PUT", acme+"/callflows", `{"data":{"id":"ivr","name":"IVR","flow":{"module":"record_call","data":{"action":"start"},"children":{"_":{"module":"record_caller","data":{},
	  "children":{"_":{"module":"record_call","data":{"action":"stop","media_name":"m"}}}}}}}}`)
	data := d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1","callflow_id":"ivr"}}`)
	spec := d.calls[recording.CallID{Account: "acme", Call: "c1"}].Spec
	if short(spec.DecidedFlow) != "start caller(stop:m)" || origins(data) != "callflow : IVR; callflow : IVR" || data["warnings"] != nil {
		t.Errorf("%q, %v", short(spec.DecidedFlow), data)
	}
	d.must(t, 200, "POST", call, `{"data":{"action":"callflow","callflow_id":"ivr"}}`)
	if cmd := d.commands[0]; cmd.Action != recording.RunFlow || short(cmd.Flow) != "start caller(stop:m)" {
		t.Errorf("command %+v", cmd)
	}
	d.must(t, 200, "DELETE", acme+"/callflows/ivr", "")
	d.must(t, 201, "PUT", acme+"/callflows", `{"data":{"id":"ivr","flow":{"module":"record_call","data":{"action":"stop"}}}}`)
	d.must(t, 200, "PUT", channels, `{"data":{"call_id":"c1","callflow_id":"ivr"}}`)
}

// What a stored flow passes over is told as that of a given one is, by both doors.
func TestStoredFlowsWarn(t *testing.T) {
	d := newTenant(t)
	d.must(t, 201, "PUT", acme+"/callflows", `{"data":{"id":"ivr","flow":{"module":"menu","data":{},"children":{"1":{"module":"record_call","data":{"action":"start"}}}}}}`)
	want := `["callflows.ivr.flow.module does not record and is passed over", "callflows.ivr.flow.children.1 is never reached: the flow continues with its child _"]`
	data := d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1","callflow_id":"ivr"}}`)
	equal(t, "announced", data["warnings"], want)
	equal(t, "recordings", data["recordings"], `[]`)
	equal(t, "by action", d.must(t, 200, "POST", call, `{"data":{"action":"callflow","callflow_id":"ivr"}}`)["warnings"], want)
}

// A new callee brings what its documents ask for; a new caller brings nothing.
func TestTransferDecides(t *testing.T) {
	d := newTenant(t)
	d.must(t, 201, "PUT", acme+"/users", `{"data":{"id":"bob","first_name":"Bob","last_name":"Ray","call_recording":{"any":{"any":{"enabled":true}}}}}`)
	d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1","from_network":"onnet","to_network":"onnet"}}`)
	d.must(t, 200, "POST", call, `{"data":{"action":"transfer","leg":"callee","call_id":"x","party":{"user_id":"bob"}}}`)
	d.must(t, 200, "POST", call, `{"data":{"action":"transfer","leg":"caller","call_id":"y","party":{"user_id":"bob"}}}`)
	if got := d.commands[0].Start; len(got) != 1 || got[0].Leg != recording.Callee || got[0].Owner != "bob" || d.commands[1].Start != nil {
		t.Errorf("commands %+v", d.commands)
	}
}

// An update brings what it says of the parties to the recorder, and what the
// documents of a callee that it names ask for.
func TestUpdateDecides(t *testing.T) {
	d := newTenant(t)
	d.must(t, 201, "PUT", acme+"/users", `{"data":{"id":"bob","first_name":"Bob","last_name":"Ray","call_recording":{"inbound":{"offnet":{"enabled":true}}}}}`)
	d.must(t, 201, "PUT", acme+"/devices", `{"data":{"id":"d2","name":"desk","owner_id":"bob"}}`)
	d.must(t, 201, "PUT", channels, `{"data":{"call_id":"c1","from_network":"onnet","caller":{"user_id":"ann"}}}`)
	for _, c := range []struct {
		data, start, change string
	}{
		{`"callee":{"device_id":"d2"}`, "[]", "{{     } [{ } {bob d2}]}"}, // from onnet: not to be recorded
		{
			`"callee":{"user_id":"bob"},"from_network":"offnet","to_network":"onnet","from":"1","to":"2","caller_id_name":"n","caller_id_number":"3","other_leg_call_id":"x","caller":{"device_id":"d1"}`,
			"[inbound from offnet to endpoint bob {bob }]", "{{1 2 n 3 offnet onnet} x [{ d1} {bob }]}",
		},
		{`"callee":{"device_id":"d2"},"from_network":"offnet"`, "[inbound from offnet to endpoint bob {bob d2}]", "{{    offnet }  [{ } {bob d2}]}"},
		{`"callee":{},"caller":{"user_id":"bob"},"from_network":"offnet"`, "[]", "{{    offnet }  [{bob } { }]}"},
	} {
		d.must(t, 200, "POST", call, `{"data":{"action":"update",`+c.data+`}}`)
		cmd := d.commands[len(d.commands)-1]
		start := []string{}
		for _, r := range cmd.Start {
			start = append(start, fmt.Sprint(r.Origin, " ", r.Owner, " ", r.Called))
		}
		got := fmt.Sprint(start)
		change := fmt.Sprintf("{%v %s %v}", cmd.Change.Facts, cmd.Change.OtherLegCallID, cmd.Change.Parties)
		if got != c.start || strings.Join(strings.Fields(change), " ") != strings.Join(strings.Fields(c.change), " ") || cmd.Action != recording.Update {
			t.Errorf("%s: starts %s, change %s; want %s, %s", c.data, got, change, c.start, c.change)
		}
	}
	if got := d.must(t, 200, "POST", call, `{"data":{"action":"update","callee":{"user_id":"nobody"}}}`); fmt.Sprint(got["warnings"]) != "[callee.user_id has no document and so no settings]" {
		t.Errorf("%v", got["warnings"])
	}
	if status, _, _ := d.send(t, "POST", channels+"/other", `{"data":{"action":"update","callee":{"user_id":"bob"}}}`); status != 404 {
		t.Errorf("an update of no call: %d", status)
	}
}

// What a forwarding endpoint has recorded of calls to it goes with the forwarded call.
func TestForwardedCallsAreDecided(t *testing.T) {
	d := newTenant(t)
	d.must(t, 200, "PATCH", ann, `{"data":{"call_recording":{"inbound":{"offnet":{"enabled":true}},"outbound":{"any":{"enabled":true}}}}}`)
	const forwarded = `{"data":{"call_id":"c1","from_network":"onnet","to_network":"offnet","forwarded_by":{"device_id":"d1","from_network":"offnet"}}}`
	data := d.must(t, 201, "PUT", channels, forwarded)
	if got := origins(data); got != "inbound from offnet to endpoint" || data["warnings"] != nil {
		t.Errorf("%s, %v", got, data["warnings"])
	}
	d.must(t, 200, "PUT", channels, forwarded)
	if status, _, _ := d.send(t, "PUT", channels, strings.Replace(forwarded, `"device_id":"d1"`, `"user_id":"ann"`, 1)); status != 409 {
		t.Errorf("another forwarder is the same call: %d", status)
	}
	status, out, _ := d.send(t, "PUT", channels, `{"data":{"call_id":"c2","forwarded_by":{"user_id":7,"from_network":"lan","network":"x"}}}`)
	if got := fmt.Sprint(problems(out)); status != 400 || got != "[forwarded_by.from_network enum forwarded_by.network additionalProperties forwarded_by.user_id type]" {
		t.Errorf("%d %s", status, got)
	}
}

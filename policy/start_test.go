package policy_test

import (
	"slices"
	"strings"
	"testing"

	"callrec/policy"
)

func TestThreeRecordingsOfOneCall(t *testing.T) {
	flags := `"enabled":true,"record_on_bridge":true`
	all := parse(t, `{"any":{"any":{`+flags+`}}}`)
	e := endpoint{users: []doc{{"call_recording": all}}}
	got, _ := ask(t, story{from: "onnet", to: "onnet", account: doc{"call_recording": all}, caller: &e, callees: []endpoint{e, e}})
	if o := origins(got); o != "inbound from onnet to account, outbound to onnet from endpoint, inbound from onnet to endpoint, inbound from onnet to endpoint" {
		t.Fatal(o)
	}
	for i, w := range got {
		onAnswer, onBridge, leg := false, true, policy.CallerLeg
		if i >= 2 { // a callee's recording starts when the callee answers, whatever it says
			onAnswer, onBridge, leg = true, false, policy.CalleeLeg
		}
		if w.Settings.RecordOnAnswer != onAnswer || w.Settings.RecordOnBridge != onBridge || w.Leg != leg {
			t.Errorf("%+v", w)
		}
		if w.Settings.ShouldFollowTransfer == nil || *w.Settings.ShouldFollowTransfer {
			t.Errorf("%s follows a transfer", w.Origin)
		}
	}
}

func TestForwardedCall(t *testing.T) {
	for _, c := range []struct{ cell, original, want string }{
		{"inbound.offnet", "offnet", "inbound from offnet to endpoint"},
		{"inbound.offnet", "onnet", ""},
		{"inbound.onnet", "onnet", "inbound from onnet to endpoint"},
		{"inbound.onnet", "", "inbound from onnet to endpoint"},
		{"outbound.offnet", "offnet", ""},
	} {
		e := endpoint{device: doc{"call_recording": cells(c.cell)}}
		got, warnings := ask(t, story{from: "onnet", to: "offnet", forwarded: true, original: c.original, caller: &e})
		if origins(got) != c.want || (len(warnings) == 1) != (c.original == "") {
			t.Errorf("%+v: %q %v", c, origins(got), warnings)
		}
		for _, w := range got {
			if w.Leg != policy.CalleeLeg || !w.Forward || !w.Settings.RecordOnAnswer {
				t.Errorf("%+v is not on the leg that goes out, from its answer", w)
			}
		}
	}
}

func TestMissingNetworksMeanEither(t *testing.T) {
	e := func(names string) endpoint { return endpoint{device: doc{"call_recording": cells(names)}} }
	caller, callee, both := e("outbound.offnet"), e("inbound.offnet"), e("any.any")
	for _, c := range []struct {
		name     string
		s        story
		want     string
		warnings string
	}{
		{"nobody has settings", story{account: doc{}, caller: &endpoint{}, callees: []endpoint{{}}}, "", ""},
		{"nobody is known", story{}, "", ""},
		{"account", story{account: doc{"call_recording": cells("inbound.offnet")}}, "inbound from offnet to account", "from_network"},
		{"account outbound", story{account: doc{"call_recording": cells("outbound.offnet")}}, "outbound to offnet from account", "from_network to_network"},
		{"both cells make one recording", story{account: doc{"call_recording": cells("any.any")}}, "inbound from onnet to account", "from_network"},
		{"caller", story{caller: &caller}, "outbound to offnet from endpoint", "from_network to_network"},
		{"caller, one known", story{from: "onnet", caller: &caller}, "outbound to offnet from endpoint", "to_network"},
		{"caller from outside", story{from: "offnet", caller: &caller}, "", ""},
		{"callee", story{to: "onnet", callees: []endpoint{callee}}, "inbound from offnet to endpoint", "from_network"},
		{"callee, the needed one known", story{from: "offnet", callees: []endpoint{callee}}, "inbound from offnet to endpoint", ""},
		{"both", story{caller: &both, callees: []endpoint{both}}, "outbound to onnet from endpoint, inbound from onnet to endpoint", "from_network to_network"},
	} {
		got, warnings := ask(t, c.s)
		var paths []string
		for _, w := range warnings {
			paths = append(paths, w.Path)
		}
		if origins(got) != c.want || strings.Join(paths, " ") != c.warnings {
			t.Errorf("%s: %q %v, want %q %s", c.name, origins(got), warnings, c.want, c.warnings)
		}
	}
}

// A callee that joins later brings its own recordings and repeats no other.
func TestDecideCallees(t *testing.T) {
	all := cells("any.any")
	e := endpoint{}
	s := story{from: "offnet", to: "onnet", account: doc{"call_recording": doc{"account": all, "endpoint": all}}, caller: &e, callees: []endpoint{e}}
	got, _ := policy.DecideCallees(compiled(t, s))
	if origins(got) != "inbound from offnet to endpoint" {
		t.Error(origins(got))
	}
}

// What an old document says against the rules costs no recording.
func TestFaultyDocumentsStillRecord(t *testing.T) {
	text := `{"call_recording":{"any":{"any":{"enabled":"true","format":"ogg","channels":7,"record_sample_rate":"9","record_min_sec":-4,"time_limit":99999,"url":5,"record_on_answer":"yes","x":1}}}}`
	got := effective(t, nil, endpoint{device: parse(t, text)})[3]
	if got == nil {
		t.Fatal("not recorded")
	}
	if got.Format != "" || got.Channels != "" || got.RecordSampleRate != nil || got.URL != "" || got.RecordOnAnswer || *got.RecordMinSec != 0 || *got.TimeLimit != 10800 {
		t.Errorf("%+v", got)
	}
	got = effective(t, nil, endpoint{device: parse(t, `{"call_recording":{"any":{"any":{"enabled":true,"time_limit":0}}}}`)})[3]
	if got == nil || got.TimeLimit != nil {
		t.Errorf("%+v", got)
	}
}

func TestOwnersOfADevice(t *testing.T) {
	for text, want := range map[string][]string{
		`{}`:                nil,
		`{"owner_id":"u1"}`: {"u1"},
		`{"owner_id":""}`:   nil,
		`{"owner_id":"u1","hotdesk":{"users":{"u3":{},"u2":{}}}}`: {"u2", "u3"},
		`{"owner_id":"u1","hotdesk":{"users":{}}}`:                {"u1"},
	} {
		e, err := policy.CompileEndpoint([]byte(text))
		if err != nil || !slices.Equal(e.Owners(), want) {
			t.Errorf("%s: %q %v, want %q", text, e.Owners(), err, want)
		}
	}
	var none *policy.Endpoint
	if none.Owners() != nil {
		t.Error("a missing document has owners")
	}
}

func TestNewParty(t *testing.T) {
	compile := func(text string) *policy.Endpoint {
		e, err := policy.CompileEndpoint([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	users := map[string]*policy.Endpoint{"u1": compile(`{"first_name":"1"}`), "u2": compile(`{"first_name":"2"}`)}
	devices := map[string]*policy.Endpoint{
		"owned": compile(`{"owner_id":"u1"}`), "shared": compile(`{"hotdesk":{"users":{"u2":{},"u1":{}}}}`), "free": compile(`{}`),
	}
	for _, c := range []struct {
		user, device string
		users        []string
	}{
		{"u1", "", []string{"u1"}},
		{"", "owned", []string{"u1"}},
		{"", "shared", []string{"u1", "u2"}},
		{"", "free", nil},
		{"u2", "owned", []string{"u2"}},
		{"u2", "unknown", []string{"u2"}},
		{"unknown", "", []string{"unknown"}},
		{"", "unknown", nil},
	} {
		p := policy.NewParty(c.user, c.device, func(id string) *policy.Endpoint { return users[id] }, func(id string) *policy.Endpoint { return devices[id] })
		var want []*policy.Endpoint
		for _, id := range c.users {
			want = append(want, users[id])
		}
		if p == nil || p.Device != devices[c.device] || !slices.Equal(p.Users, want) {
			t.Errorf("%s %s: %+v", c.user, c.device, p)
		}
	}
	if p := policy.NewParty("", "", nil, nil); p != nil {
		t.Error("nobody is a party")
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, text := range []string{``, `{`, `[]`, `null`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}", strings.Repeat(`{"a":`, 200) + `1` + strings.Repeat(`}`, 200)} {
		if _, err := policy.CompileAccount([]byte(text)); err == nil {
			t.Errorf("account %q is taken", text)
		}
		if _, err := policy.CompileEndpoint([]byte(text)); err == nil {
			t.Errorf("endpoint %q is taken", text)
		}
	}
}

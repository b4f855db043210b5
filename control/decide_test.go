package control_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"callrec/control"
	"callrec/control/controltest"
	"callrec/recording"
)

// world stores documents by "kind/id", of account acc.
func world(t testing.TB, docs map[string]string) *control.Decider {
	t.Helper()
	m := controltest.New()
	for name, doc := range docs {
		kind, id, _ := strings.Cut(name, "/")
		if _, err := m.Create(t.Context(), control.Ref{Account: "acc", Kind: kind, ID: id}, json.RawMessage(doc)); err != nil {
			t.Fatal(err)
		}
	}
	return &control.Decider{Documents: m}
}

func said(requests []recording.Request) []string {
	out := []string{}
	for _, r := range requests {
		out = append(out, fmt.Sprintf("%s, %s leg, of %q", r.Origin, r.Leg, r.Owner))
	}
	return out
}

const anywhere = `{"call_recording":{"any":{"any":{"enabled":true}}}}`

func TestDecisions(t *testing.T) {
	const both = `{"call_recording":{"account":{"any":{"any":{"enabled":true}}},"endpoint":{"any":{"any":{"enabled":true}}}}}`
	party := func(user, device string) recording.Party { return recording.Party{UserID: user, DeviceID: device} }
	for _, c := range []struct {
		name           string
		docs           map[string]string
		caller, callee recording.Party
		from, to       string
		want, warnings []string
	}{
		{"no documents at all", nil, party("u1", "d1"), party("", ""), "", "", []string{}, nil},
		{
			"the account alone",
			map[string]string{"accounts/acc": anywhere},
			party("", ""), party("", ""), "offnet", "onnet",
			[]string{`inbound from offnet to account, caller leg, of ""`},
			nil,
		},
		{
			"the account and both ends",
			map[string]string{"accounts/acc": both, "users/u1": `{}`, "users/u2": `{}`},
			party("u1", ""), party("u2", ""), "onnet", "onnet",
			[]string{
				`inbound from onnet to account, caller leg, of "u1"`,
				`outbound to onnet from endpoint, caller leg, of "u1"`,
				`inbound from onnet to endpoint, callee leg, of "u2"`,
			},
			nil,
		},
		{
			"a device speaks for its owner",
			map[string]string{"users/u1": anywhere, "devices/d1": `{"owner_id":"u1"}`},
			party("", "d1"), party("", ""), "onnet", "offnet",
			[]string{`outbound to offnet from endpoint, caller leg, of "u1"`},
			nil,
		},
		{
			"who is named is the owner",
			map[string]string{"users/u2": anywhere, "devices/d1": `{"owner_id":"u1"}`},
			party("u2", "d1"), party("", ""), "onnet", "offnet",
			[]string{`outbound to offnet from endpoint, caller leg, of "u2"`},
			nil,
		},
		{
			"networks nobody told",
			map[string]string{"users/u2": anywhere},
			party("", ""), party("u2", ""), "", "",
			[]string{`inbound from onnet to endpoint, callee leg, of "u2"`},
			[]string{"from_network is missing: the settings for onnet and, failing these, for offnet calls count"},
		},
		{
			"a misspelt user",
			map[string]string{"accounts/acc": `{}`, "users/u1": anywhere},
			party("U1", ""), party("", "d9"), "onnet", "onnet",
			[]string{},
			[]string{"caller.user_id has no document and so no settings", "callee.device_id has no document and so no settings"},
		},
		{
			"old settings nobody would accept today",
			map[string]string{"users/u1": `{"call_recording":{"any":{"any":{"enabled":true,"format":"ogg","time_limit":1,"record_sample_rate":7,"url":"http://127.0.0.1/"}}}}`},
			party("u1", ""), party("", ""), "onnet", "onnet",
			[]string{`outbound to onnet from endpoint, caller leg, of "u1"`},
			nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := world(t, c.docs)
			d.Defaults.CheckURL = func(string) error { return fmt.Errorf("no url is good enough") }
			spec := &recording.CallSpec{
				ID: recording.CallID{Account: "acc", Call: "c1"}, FromNetwork: c.from, ToNetwork: c.to,
				Parties: [2]recording.Party{c.caller, c.callee},
			}
			requests, warnings := d.Announced(spec)
			if got := said(requests); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got\n%q, want\n%q", got, c.want)
			}
			var told []string
			for _, w := range warnings {
				told = append(told, w.String())
			}
			if !reflect.DeepEqual(told, c.warnings) {
				t.Errorf("warnings\n%q, want\n%q", told, c.warnings)
			}
		})
	}
}

// A callee that comes later brings its own recordings and no other.
func TestCalleeCame(t *testing.T) {
	d := world(t, map[string]string{"accounts/acc": anywhere, "users/u1": anywhere, "users/u2": anywhere})
	spec := &recording.CallSpec{
		ID: recording.CallID{Account: "acc", Call: "c1"}, FromNetwork: "onnet", ToNetwork: "onnet",
		Parties: [2]recording.Party{{UserID: "u1"}, {UserID: "u2"}},
	}
	requests, _ := d.CalleeCame(spec)
	if got, want := said(requests), []string{`inbound from onnet to endpoint, callee leg, of "u2"`}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if called := requests[0].Called; called != (recording.Party{UserID: "u2"}) {
		t.Errorf("for %+v", called)
	}
}

// A call that a device of the account has forwarded is recorded as the call to that
// device was, from its caller's network, and not as one that the device makes.
func TestForwardedCalls(t *testing.T) {
	const inside, outward = `{"owner_id":"u1","call_recording":{"inbound":{"onnet":{"enabled":true}}}}`, `{"call_recording":{"outbound":{"any":{"enabled":true}}}}`
	d := world(t, map[string]string{"accounts/acc": `{}`, "devices/d1": inside, "users/u1": outward, "users/u2": anywhere})
	for _, c := range []struct {
		by       recording.Party
		original string
		caller   recording.Party
		callee   recording.Party
		want     []string
		warnings string
	}{
		{recording.Party{DeviceID: "d1"}, "onnet", recording.Party{}, recording.Party{}, []string{`inbound from onnet to endpoint, callee leg, of "u1"`}, "[]"},
		{recording.Party{DeviceID: "d1"}, "offnet", recording.Party{UserID: "u2"}, recording.Party{}, []string{}, "[]"},
		{
			recording.Party{DeviceID: "d1"},
			"",
			recording.Party{UserID: "u2"},
			recording.Party{UserID: "u2"},
			[]string{`inbound from onnet to endpoint, callee leg, of "u1"`, `inbound from onnet to endpoint, callee leg, of "u2"`},
			"[forwarded_by.from_network is missing: the settings for onnet and, failing these, for offnet calls count]",
		},
		{recording.Party{UserID: "u9"}, "onnet", recording.Party{}, recording.Party{}, []string{}, "[forwarded_by.user_id has no document and so no settings]"},
	} {
		spec := &recording.CallSpec{
			ID: recording.CallID{Account: "acc", Call: "c1"}, FromNetwork: "onnet", ToNetwork: "offnet",
			Parties: [2]recording.Party{c.caller, c.callee}, ForwardedBy: c.by, OriginalNetwork: c.original,
		}
		requests, warnings := d.Announced(spec)
		if got := said(requests); !reflect.DeepEqual(got, c.want) || fmt.Sprint(warnings) != c.warnings {
			t.Errorf("%+v: %q, %v; want %q, %s", c.by, got, warnings, c.want, c.warnings)
		}
		if len(requests) > 0 && requests[0].Called != (recording.Party{}) {
			t.Errorf("%+v waits for an answer of its own: %+v", c.by, requests[0].Called)
		}
		if again, told := d.CalleeCame(spec); len(told) != 0 || len(again) != len(requests)-min(1, len(requests)) {
			t.Errorf("%+v: a callee that came later brings %q, %v", c.by, said(again), told)
		}
	}
}

// Documents that make no sense compile to nothing, and nothing panics.
func TestCompileNonsense(t *testing.T) {
	for _, doc := range []string{``, `[]`, `null`, `{"a":1,"a":2}`, `7`} {
		for _, kind := range []string{control.Accounts, control.Users, control.Devices, control.Callflows, "others"} {
			if got := control.Compile(control.Ref{Account: "a", Kind: kind, ID: "a"}, json.RawMessage(doc)); got != nil {
				t.Errorf("%s %s: %#v", kind, doc, got)
			}
		}
	}
}

// BenchmarkDecide decides for calls between users of 10,000 accounts with 10
// users each, whose account, users and devices all have settings.
func BenchmarkDecide(b *testing.B) {
	const accounts, users = 10_000, 10
	m := controltest.New()
	put := func(account, kind, id, doc string) {
		if _, err := m.Create(b.Context(), control.Ref{Account: account, Kind: kind, ID: id}, json.RawMessage(doc)); err != nil {
			b.Fatal(err)
		}
	}
	for a := range accounts {
		account := fmt.Sprintf("%032x", a)
		put(account, control.Accounts, account, `{"name":"x","call_recording":{"account":{"any":{"any":{"enabled":true,"format":"wav"}}},"endpoint":{"any":{"any":{"url":"http://h.example/"}}}}}`)
		for u := range users {
			put(account, control.Users, fmt.Sprintf("u%d", u), `{"call_recording":{"inbound":{"any":{"enabled":true,"format":"mp3"}},"outbound":{"any":{"enabled":true,"record_sample_rate":8000}}}}`)
			put(account, control.Devices, fmt.Sprintf("d%d", u), fmt.Sprintf(`{"owner_id":"u%d","call_recording":{"any":{"any":{"enabled":true,"record_on_answer":true}}}}`, u))
		}
	}
	d := &control.Decider{Documents: m}
	made, n := 0, 0
	runtime.GC() // what the loading left
	before := cpu(b)
	for b.Loop() {
		n++
		caller, callee := n%users, (n/users)%users
		requests, _ := d.Announced(&recording.CallSpec{
			ID: recording.CallID{Account: fmt.Sprintf("%032x", n*7919%accounts), Call: "c"}, FromNetwork: "onnet", ToNetwork: "onnet",
			Parties: [2]recording.Party{{DeviceID: fmt.Sprintf("d%d", caller)}, {UserID: fmt.Sprintf("u%d", callee), DeviceID: fmt.Sprintf("d%d", callee)}},
		})
		made += len(requests)
	}
	if made != 3*n {
		b.Fatalf("%d recordings of %d calls, want 3 each", made, n)
	}
	b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/float64(n)/1000, "CPU-µs/decision")
	b.ReportMetric(0, "ns/op")
}

// cpu is the processor time this process has used: neighbours do not change it.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

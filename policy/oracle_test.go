package policy_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"callrec/policy"
)

// The oracle decides in the plainest way, on decoded documents, one rule after
// the other, with maps for everything. It knows nothing of how policy does it.

type doc = map[string]any

func sub(m doc, keys ...string) doc {
	for _, k := range keys {
		m, _ = m[k].(doc)
	}
	return m
}

func over(under, top doc) doc {
	out := doc{}
	for k, v := range under {
		out[k] = v
	}
	for k, v := range top {
		out[k] = v // null too: it takes away what is under it
	}
	return out
}

// oracleCell is what one document says for a cell; nil when it says nothing.
func oracleCell(document doc, dir, net string) doc {
	recording := sub(document, "call_recording")
	if recording == nil {
		legacy := sub(document, "record_call")
		if document["record_call"] != true && legacy["record_call"] != true {
			return nil
		}
		cell := over(legacy, doc{"enabled": true})
		delete(cell, "record_call")
		return cell
	}
	if len(recording) == 0 {
		return nil
	}
	cell := doc{}
	if sub(recording, "any", "any") == nil && sub(recording, dir, "any") == nil {
		cell["enabled"] = false
	}
	cell = over(cell, sub(recording, "any", "any"))
	cell = over(cell, sub(recording, dir, "any"))
	cell = over(cell, sub(recording, "any", net))
	return over(cell, sub(recording, dir, net))
}

func oracleSettings(cell doc, callee bool) (policy.Settings, bool) {
	if cell["enabled"] != true {
		return policy.Settings{}, false
	}
	clean := doc{"should_follow_transfer": false}
	for k, v := range cell {
		if k != "enabled" && v != nil {
			clean[k] = v
		}
	}
	if callee {
		clean["record_on_answer"], clean["record_on_bridge"] = true, false
	}
	text, err := json.Marshal(clean)
	if err != nil {
		panic(err)
	}
	var s policy.Settings
	if err := json.Unmarshal(text, &s); err != nil {
		panic(err)
	}
	return s, true
}

// story is a call with its documents, as both sides are given it.
type story struct {
	from, to, original string
	forwarded          bool
	account            doc
	caller             *endpoint
	callees            []endpoint
}

type endpoint struct {
	users  []doc
	device doc // nil: none
}

func nets(said string) []string {
	if said == "" {
		return []string{"onnet", "offnet"}
	}
	return []string{said}
}

func oracle(s story) []policy.Wanted {
	forCalls, forEndpoints := doc{}, doc{}
	recording := sub(s.account, "call_recording")
	if recording["account"] == nil && recording["endpoint"] == nil {
		forCalls = doc{"call_recording": recording}
	} else {
		forCalls["call_recording"], forEndpoints["call_recording"] = recording["account"], recording["endpoint"]
	}
	var out []policy.Wanted
	try := func(network, dir, origin string, leg policy.Leg, documents ...doc) bool {
		for _, net := range nets(network) {
			cell := doc{}
			for _, d := range documents {
				cell = over(cell, oracleCell(d, dir, net))
			}
			if settings, on := oracleSettings(cell, leg == policy.CalleeLeg); on {
				out = append(out, policy.Wanted{Origin: fmt.Sprintf(origin, net), Leg: leg, Settings: settings})
				return true
			}
		}
		return false
	}
	documents := func(e endpoint) []doc {
		return append(append([]doc{forEndpoints}, e.users...), e.device)
	}
	if !try(s.from, "inbound", "inbound from %s to account", policy.CallerLeg, forCalls) {
		try(s.to, "outbound", "outbound to %s from account", policy.CallerLeg, forCalls)
	}
	if s.caller != nil && s.forwarded {
		if try(s.original, "inbound", "inbound from %s to endpoint", policy.CalleeLeg, documents(*s.caller)...) {
			out[len(out)-1].Forward = true
		}
	}
	if s.caller != nil && !s.forwarded && s.from != "offnet" {
		try(s.to, "outbound", "outbound to %s from endpoint", policy.CallerLeg, documents(*s.caller)...)
	}
	for _, e := range s.callees {
		try(s.from, "inbound", "inbound from %s to endpoint", policy.CalleeLeg, documents(e)...)
	}
	return out
}

// ask gives a story to policy.
func ask(t testing.TB, s story) ([]policy.Wanted, []policy.Warning) {
	t.Helper()
	return policy.Decide(compiled(t, s))
}

func compiled(t testing.TB, s story) (policy.Call, policy.Docs) {
	t.Helper()
	text := func(d doc) []byte {
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	compile := func(d doc) *policy.Endpoint {
		if d == nil {
			return nil
		}
		e, err := policy.CompileEndpoint(text(d))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	party := func(e endpoint) policy.Party {
		p := policy.Party{Device: compile(e.device)}
		for _, u := range e.users {
			p.Users = append(p.Users, compile(u))
		}
		return p
	}
	var docs policy.Docs
	if s.account != nil {
		a, err := policy.CompileAccount(text(s.account))
		if err != nil {
			t.Fatal(err)
		}
		docs.Account = a
	}
	if s.caller != nil {
		p := party(*s.caller)
		docs.Caller = &p
	}
	for _, e := range s.callees {
		docs.Callees = append(docs.Callees, party(e))
	}
	return policy.Call{
		From: policy.ParseNetwork(s.from), To: policy.ParseNetwork(s.to),
		Forwarded: s.forwarded, Original: policy.ParseNetwork(s.original),
	}, docs
}

// show makes wanted recordings comparable.
func show(t testing.TB, wanted []policy.Wanted) string {
	t.Helper()
	text, err := json.MarshalIndent(wanted, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDecideAgreesWithTheOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	recorded := 0
	for range 4_000 {
		s := randomStory(r)
		got, _ := ask(t, s)
		want := oracle(s)
		recorded += len(want)
		if g, w := show(t, got), show(t, want); g != w && len(got)+len(want) > 0 {
			text, _ := json.Marshal(s.account)
			t.Fatalf("account %s\n%+v\ngot %s\nwant %s", text, s, g, w)
		}
	}
	if recorded < 2_000 {
		t.Errorf("only %d recordings: the stories are too dull", recorded)
	}
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func randomStory(r *rand.Rand) story {
	s := story{
		from: pick(r, "onnet", "offnet", ""), to: pick(r, "onnet", "offnet", ""),
		original: pick(r, "onnet", "offnet", ""), forwarded: r.IntN(5) == 0,
	}
	switch r.IntN(4) {
	case 0:
	case 1:
		s.account = doc{"call_recording": randomRecording(r)}
	default:
		s.account = doc{"call_recording": doc{"account": randomRecording(r), "endpoint": randomRecording(r)}}
	}
	if r.IntN(3) > 0 {
		e := randomEndpoint(r)
		s.caller = &e
	}
	for range r.IntN(3) {
		s.callees = append(s.callees, randomEndpoint(r))
	}
	return s
}

func randomEndpoint(r *rand.Rand) (e endpoint) {
	document := func() doc {
		switch r.IntN(8) {
		case 0:
			return doc{}
		case 1:
			return doc{"record_call": pick[any](r, true, false, doc{"record_call": true, "url": "L", "format": "wav", "action": "start"}, doc{"url": "L"})}
		default:
			return doc{"call_recording": randomRecording(r)}
		}
	}
	for range pick(r, 0, 1, 1, 1, 2) {
		e.users = append(e.users, document())
	}
	if r.IntN(2) == 0 {
		e.device = document()
	}
	return e
}

func randomRecording(r *rand.Rand) doc {
	out := doc{}
	for _, dir := range []string{"any", "inbound", "outbound"} {
		if r.IntN(2) == 0 {
			continue
		}
		source := doc{}
		for _, net := range []string{"any", "onnet", "offnet"} {
			if r.IntN(2) == 0 {
				source[net] = randomParameters(r)
			}
		}
		out[dir] = source
	}
	return out
}

func randomParameters(r *rand.Rand) doc {
	out := doc{}
	values := doc{
		"enabled": r.IntN(3) > 0, "format": pick(r, "mp3", "wav"), "channels": pick(r, "mono", "stereo"),
		"record_min_sec": r.IntN(9), "record_on_answer": r.IntN(2) == 0, "record_on_bridge": r.IntN(2) == 0,
		"record_sample_rate": pick(r, 8000, 16000, 44100), "time_limit": 5 + r.IntN(10796), "url": pick(r, "A", "B", ""),
	}
	for k, v := range values {
		switch r.IntN(6) {
		case 0, 1:
			out[k] = v
		case 2:
			if r.IntN(4) == 0 {
				out[k] = nil
			}
		}
	}
	if r.IntN(3) > 0 {
		out["enabled"] = values["enabled"]
	}
	return out
}

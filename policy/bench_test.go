package policy_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"callrec/policy"
)

// office is a typical story: a recorded account, a user with settings and a
// device without, on both sides.
func office(t testing.TB) (policy.Call, policy.Docs) {
	settings := parse(t, `{"inbound":{"any":{"enabled":true,"url":"https://h.example/in","time_limit":600}},"outbound":{"offnet":{"enabled":true}}}`)
	e := endpoint{users: []doc{{"call_recording": settings}}, device: doc{}}
	return compiled(t, story{
		from: "onnet", to: "onnet", caller: &e, callees: []endpoint{e},
		account: doc{"call_recording": doc{"account": cells("any.any"), "endpoint": parse(t, `{"any":{"any":{"enabled":true,"format":"wav"}}}`)}},
	})
}

func TestDecidingAllocatesOnlyTheAnswer(t *testing.T) {
	c, docs := office(t)
	if got, _ := policy.Decide(c, docs); len(got) != 2 {
		t.Fatalf("%q", origins(got))
	}
	if n := testing.AllocsPerRun(100, func() { policy.Decide(c, docs) }); n > 1 {
		t.Errorf("%v allocations for two recordings", n)
	}
	if n := testing.AllocsPerRun(100, func() { policy.Decide(c, policy.Docs{Caller: docs.Caller}) }); n > 0 {
		t.Errorf("%v allocations for none", n)
	}
}

// BenchmarkDecideSame decides one call again and again: the decision itself, with
// everything in the cache.
func BenchmarkDecideSame(b *testing.B) {
	c, docs := office(b)
	b.ReportAllocs()
	for b.Loop() {
		policy.Decide(c, docs)
	}
}

// BenchmarkDecide decides calls between the users of 10,000 accounts with ten
// each, looked up in maps as a caller would.
func BenchmarkDecide(b *testing.B) {
	const accounts, users = 10_000, 10
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	byAccount := make(map[string]*policy.Account, accounts)
	byUser := make(map[[2]string]*policy.Endpoint, accounts*users)
	names := make([]string, accounts)
	for i := range accounts {
		names[i] = fmt.Sprintf("account%05d", i)
		a, err := policy.CompileAccount([]byte(`{"name":"x","call_recording":{"account":{"any":{"offnet":{"enabled":true}}},"endpoint":{"any":{"any":{"enabled":true,"url":"https://h.example/` + names[i] + `"}}}}}`))
		if err != nil {
			b.Fatal(err)
		}
		byAccount[names[i]] = a
		for u := range users {
			e, err := policy.CompileEndpoint([]byte(`{"first_name":"A","last_name":"B","call_recording":{"inbound":{"any":{"enabled":true,"format":"wav"}},"outbound":{"offnet":{"enabled":true,"time_limit":600}}}}`))
			if err != nil {
				b.Fatal(err)
			}
			byUser[[2]string{names[i], string(rune('0' + u))}] = e
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	r := rand.New(rand.NewPCG(1, 1))
	recordings := 0
	b.ReportAllocs()
	for b.Loop() {
		name := names[r.IntN(accounts)]
		user := func() *policy.Endpoint { return byUser[[2]string{name, string(rune('0' + r.IntN(users)))}] }
		one, two := [1]*policy.Endpoint{user()}, [1]*policy.Endpoint{user()}
		caller := policy.Party{Users: one[:]}
		wanted, _ := policy.Decide(
			policy.Call{From: policy.Onnet, To: policy.Network(1 + r.IntN(2))},
			policy.Docs{Account: byAccount[name], Caller: &caller, Callees: []policy.Party{{Users: two[:]}}})
		recordings += len(wanted)
	}
	b.ReportMetric(float64(recordings)/float64(b.N), "recordings/call")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(accounts*users)/1024, "KB/user")
	runtime.KeepAlive(byUser)
}

// BenchmarkCompile reads one user document.
func BenchmarkCompile(b *testing.B) {
	text := []byte(`{"first_name":"A","last_name":"B","call_recording":{"inbound":{"any":{"enabled":true,"format":"wav"}},"outbound":{"offnet":{"enabled":true,"time_limit":600}}}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policy.CompileEndpoint(text); err != nil {
			b.Fatal(err)
		}
	}
}

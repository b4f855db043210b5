package recording

import (
	"testing"

	"callrec/policy"
)

// dictate lets every call of the rig have a record_caller as well.
func (r *rig) dictate(t testing.TB) {
	t.Helper()
	spec, err := NewSpec(policy.Settings{Format: "wav"}, Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.calls {
		if err := r.shard.startAll(c, []Request{{Spec: spec, CallerOnly: true}}, 0); err != nil {
			t.Fatal(err)
		}
		r.parts++
	}
}

// Listening for what ends a record_caller takes no memory either; see
// TestSteadyStateAllocatesNothing.
func TestDictationAllocatesNothing(t *testing.T) {
	const turns = 100
	r := newRig(t, 1, policy.Settings{Format: "wav"})
	r.dictate(t)
	run := func() {
		for range turns {
			r.turn()
			r.catchUp()
		}
	}
	run()
	if n := testing.AllocsPerRun(10, run); n > turns/5 {
		t.Errorf("%v allocations in %d turns", n, turns)
	}
	c := r.calls[0]
	if d := c.tracks[1]; d.state != Recording || !c.keys.running || c.keys.next < c.fixed {
		t.Errorf("the record_caller is %v, keys are heard up to %d of %d", d.state, c.keys.next, c.fixed)
	}
}

// BenchmarkTurnWithDictation is BenchmarkTurn with a record_caller beside each
// call's recording.
func BenchmarkTurnWithDictation(b *testing.B) {
	r := newRig(b, 12, policy.Settings{Format: "wav"})
	r.dictate(b)
	for range 20 {
		r.turn()
	}
	b.ReportAllocs()
	for b.Loop() {
		r.turn()
		b.StopTimer()
		r.catchUp()
		b.StartTimer()
	}
	callSeconds := float64(b.N) * float64(len(r.calls)) * roundEvery.Seconds()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/callSeconds, "µs/call-s")
}

package recording

import "testing"

// Every state meets every trigger. What is not in the table changes nothing.
func TestEveryStateMeetsEveryTrigger(t *testing.T) {
	table := map[State]map[trigger]State{
		Armed:     {onBegin: Recording, onEnd: Cancelled, onFault: Failed},
		Recording: {onMask: Masked, onEnd: Finishing, onFault: Failed},
		Masked:    {onUnmask: Recording, onEnd: Finishing, onFault: Failed},
		Finishing: {onSaved: Spooled, onTooShort: Discarded, onFault: Failed},
		Spooled:   {onDelivered: Delivered, onParked: Parked},
		Parked:    {onRetry: Spooled, onDelivered: Delivered},
		Delivered: {}, Discarded: {}, Cancelled: {}, Failed: {},
	}
	if len(table) != int(numStates) {
		t.Fatalf("the table has %d states, want %d", len(table), numStates)
	}
	for s := range numStates {
		for on := range numTriggers {
			want, moved := table[s][on]
			if !moved {
				want = s
			}
			if got, ok := next(s, on); got != want || ok != moved {
				t.Errorf("%v, %v: got %v (%v), want %v (%v)", s, on, got, ok, want, moved)
			}
		}
	}
}

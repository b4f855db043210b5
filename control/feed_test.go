package control_test

import (
	"fmt"
	"testing"

	"callrec/control"
	"callrec/recording"
)

// An account that opens as many streams as it can leaves the others theirs, and the
// places of those that end are free again.
func TestListenersOfOneAccountAreBounded(t *testing.T) {
	f := control.NewFeed()
	defer f.Close()
	fill := func(account string) (got []*control.Listener) {
		for {
			l, ok := f.Listen(account)
			if !ok {
				return got
			}
			got = append(got, l)
		}
	}
	greedy := fill("greedy")
	if len(greedy) != 32 {
		t.Errorf("one account has %d listeners, want 32", len(greedy))
	}
	f.Publish(recording.Event{Call: recording.CallID{Account: "greedy", Call: "c"}, Name: "answered"})
	other, ok := f.Listen("other")
	if !ok {
		t.Fatal("an account cannot listen, because another one does")
	}
	for _, l := range greedy {
		if len(l.Events) != 1 {
			t.Error("a listener heard nothing")
		}
		l.Close()
	}
	if len(other.Events) != 0 {
		t.Error("a listener heard of another account")
	}
	if n := len(fill("greedy")); n != 32 {
		t.Errorf("%d places are free after all were left, want 32", n)
	}
	all := 33
	for i := range 20 {
		all += len(fill(fmt.Sprint("account", i)))
	}
	if all != 256 {
		t.Errorf("%d listen in all, want 256", all)
	}
}

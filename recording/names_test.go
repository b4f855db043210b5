package recording

import "testing"

// Of each kind the first recording of a call id has the plain name, unless the
// spool knew the id before this process, and no two kinds can meet.
func TestPlainNamesAreGivenOnce(t *testing.T) {
	var b nameBook
	for i, c := range []struct {
		call string
		kind uint8
		held bool
		want bool
	}{
		{"a", wholeName, false, true},
		{"a", wholeName, true, false},
		{"a", callerName, true, true}, // held is the one of this process
		{"a", callerName, true, false},
		{"b", callerName, true, false}, // held is of another, and of a kind that is not known
		{"b", wholeName, true, false},
		{"c", callerName, false, true},
		{"c", wholeName, true, true},
		{"call_recording_a", callerName, false, false},
		{"call_recording_a", wholeName, false, true},
	} {
		if got := b.first(CallID{Account: "acc", Call: c.call}, c.kind, c.held); got != c.want {
			t.Errorf("%d: %+v is %v", i, c, got)
		}
	}
	if !b.first(CallID{Account: "other", Call: "a"}, wholeName, false) {
		t.Error("another account's id is known")
	}
}

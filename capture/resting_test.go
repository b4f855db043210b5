package capture

import (
	"testing"
	"time"
)

// TestRestProlonged: packets that trail a call by a second cost a quarter of
// the rest, and the rest still begins after the last of them.
func TestRestProlonged(t *testing.T) {
	r := resting{rest: time.Minute}
	p := &pair{}
	r.add(p, 0)
	last := time.Second
	found := false
	for now := time.Duration(0); now < 3*time.Minute; now += 5 * time.Millisecond {
		for r.isDue(now) {
			p := r.pop()
			if !found && now >= last {
				found = true
				r.add(p, now)
			} else if !r.again(p, now) {
				if now < last+time.Minute || now > last+75*time.Second {
					t.Errorf("free at %v, %v after the last packet", now, now-last)
				}
				return
			}
		}
	}
	t.Error("never free")
}

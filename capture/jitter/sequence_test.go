package jitter

import "testing"

// A sender that counts from elsewhere on has lost nothing by that, and what it loses
// after is counted. One number astray changes nothing.
func TestNumbersFromElsewhere(t *testing.T) {
	for _, to := range []uint16{0, 3000, 20000, 40000, 55000, 65535} {
		for _, from := range []uint16{10, 9000, 65500} {
			var s sequence
			n := from
			count := func(times int) {
				for range times {
					if dup, reordered := s.add(n); dup || reordered {
						t.Errorf("from %d to %d: %d is dup %v, reordered %v", from, to, n, dup, reordered)
					}
					n++
				}
			}
			count(50)
			n++ // lost
			count(50)
			s.add(to) // astray
			count(50)
			if far := int(int16(to - n)); far <= dropout && far > -seqWindow {
				continue // a jump like this is loss, or comes late
			}
			n = to
			count(1)
			count(500)
			n += 3
			count(50)
			if got := s.lost(); got != 4 {
				t.Errorf("from %d to %d: %d lost, want 4", from, to, got)
			}
			if dup, reordered := s.add(to - 1); dup || !reordered || s.lost() != 4 { // that was overtaken
				t.Errorf("from %d to %d: the one before is dup %v, reordered %v; %d lost", from, to, dup, reordered, s.lost())
			}
		}
	}
}

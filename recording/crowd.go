package recording

import (
	"fmt"
	"slices"
	"time"
)

const (
	// MaxRecordings is how many recordings of one call may be armed, running or on
	// their way into the spool. What is legal at once needs fewer: the account's, the
	// caller's, that of each callee who rings, and a callflow's, of MaxNodes nodes.
	MaxRecordings = 32

	// keptOver is how many recordings that are over a live call still tells of. What
	// becomes of the others is told by events, as of those whose call is over.
	keptOver = 32
)

// going counts the recordings that are not over.
func (c *call) going() (n int) {
	for _, t := range c.tracks {
		if !t.over() {
			n++
		}
	}
	return n
}

// over reports whether the call has no more work with the recording.
func (t *track) over() bool { return t.state > Finishing && (t.committed || !t.begun) }

// forgetOver drops the oldest recordings that are over, so that a call which
// begins and ends recordings all day does not grow. Not within a turn.
func (s *shard) forgetOver(c *call) {
	n := len(c.tracks) - c.going() - keptOver
	if n <= 0 {
		return
	}
	c.tracks = slices.DeleteFunc(c.tracks, func(t *track) bool {
		if n == 0 || !t.over() {
			return false
		}
		n--
		delete(s.tracks, t.id)
		s.m.owners.Delete(t.id)
		return true
	})
}

// unrecorded tells of the recordings from the i-th on that there will not be.
func (c *call) unrecorded(i int) (warnings []string) {
	for _, t := range c.tracks[i:] {
		if t.state == Failed {
			warnings = append(warnings, fmt.Sprintf("%s is not recorded: %s", t.origin, t.reason))
		}
	}
	return warnings
}

// answer is the picture with what only who has asked is told.
func (i *CallInfo) answer(missed, warnings []string, late time.Duration) *CallInfo {
	if len(missed) == 0 && len(warnings) == 0 && late < time.Millisecond {
		return i
	}
	out := *i
	out.Missed, out.Warnings, out.Late = missed, warnings, late
	return &out
}

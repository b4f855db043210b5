package capture

import "time"

const (
	// stepSize tells a step of the wall clock from the error of a sample.
	stepSize = time.Millisecond

	// readTime is how far past its Instant a Read is taken to receive still. Should
	// it be longer, the Instant is taken again.
	readTime = 100 * time.Millisecond
)

// arrivals converts the kernel's wall-clock stamps to monotonic time. It is fed
// with every Instant and remembers between which two the wall clock last
// stepped: stamps from before it are converted with the difference of then.
type arrivals struct {
	last     Instant
	from, to Instant // the wall clock stepped between these; zero if never
}

// sample takes the next Instant.
func (a *arrivals) sample(now Instant) {
	first := a.last == Instant{}
	if d := now.ahead() - a.last.ahead(); !first && (d > stepSize || d < -stepSize) {
		a.from, a.to = a.last, now
	}
	a.last = now
}

// mono is when a datagram arrived that the kernel stamped at wall, in
// nanoseconds since 1970. It was not there at the instant after, when its socket
// was last read, and is now. A stamp that fits neither before nor since the step
// is moved into that window: two steps in one sweep, for one. No stamp (0) is now.
func (a *arrivals) mono(wall int64, after time.Duration) time.Duration {
	now := a.last.Mono
	if wall == 0 {
		return now
	}
	t := time.Duration(wall) - a.last.ahead()
	if t >= max(after, a.from.Mono) && t <= now+readTime {
		return t
	}
	if a.to != (Instant{}) {
		if old := time.Duration(wall) - a.from.ahead(); old >= after && old <= a.to.Mono {
			return old
		}
	}
	if t < after {
		return min(after, now)
	}
	return now
}

// beyond reports whether a stamp is too late for the last Instant: the reader was
// kept waiting since, or the wall clock stepped. Another Instant tells which.
func (a *arrivals) beyond(wall int64) bool {
	return wall != 0 && time.Duration(wall)-a.last.ahead() > a.last.Mono+readTime
}

// ahead is how far the wall clock is ahead of the monotonic one.
func (i Instant) ahead() time.Duration { return time.Duration(i.Wall) - i.Mono }

package capture

import "time"

const (
	// stepSize tells a step of the wall clock from the error of a sample.
	stepSize = time.Millisecond

	// readTime is how far past its Instant a Read still receives, and heldUp how far
	// if the machine holds it up.
	readTime = 100 * time.Millisecond
	heldUp   = 5 * time.Second
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
//
// One from after now may also be of a clock that has been set since; but a Read that
// was held up is likelier, and to believe it costs nothing in the other case: a stream
// lies where its least delay puts it, so a datagram that is dated too late moves nothing,
// and one that is dated too early moves the stream for good.
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
	switch {
	case t < after:
		return min(after, now)
	case t > now && t <= now+heldUp:
		return t
	}
	return now
}

// ahead is how far the wall clock is ahead of the monotonic one.
func (i Instant) ahead() time.Duration { return time.Duration(i.Wall) - i.Mono }

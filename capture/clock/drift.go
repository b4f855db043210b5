package clock

import (
	"slices"
	"time"
)

// The windows of a Drift. When all are full, pairs are merged and the width
// doubles, until it is widest; then the oldest is forgotten. So a Drift looks
// back over all of a short call, and over 8 to 17 minutes of a long one.
const (
	windows     = 32
	firstWindow = 2 * time.Second // 100 packets: some met next to no queue
	widest      = 32 * time.Second
)

const (
	// enough windows make a line: fewer, and jitter that hardly leaves a packet alone
	// makes one of its own. A line holds for as long again as it was looked at.
	enough = 6
	// near is how close to the line three quarters of the windows must come. A
	// queue that stands for a while, or jitter that leaves hardly a packet alone,
	// looks like a line that is not: then what was known before is kept.
	near = time.Millisecond
	// plausible bounds a clock's error; crystals are within 100 ppm, bad ones
	// within 500.
	plausible = 1000e-6
	// sunk is how far under the line a window has to be to say that the path has
	// become shorter, or that the sender has left something out: what was seen
	// before no longer counts.
	sunk = 4 * time.Millisecond
)

// Drift measures a sender's clock against ours. No packet arrives before it was
// sent, so of all packets only those count that met the least delay: the lowest
// of each window of time. Under all of those lies a line that touches the lower
// edge of the cloud (Moon, Skelly and Towsley, "Estimation and removal of clock
// skew from network delay measurements", INFOCOM 1999). Its slope is the drift;
// its height is where the sender's clock stands. Jitter, however heavy its
// tail, lies above it. The zero Drift has seen nothing.
type Drift struct {
	width time.Duration
	from  time.Duration // start of the current window
	low   point         // the lowest of it
	open  bool
	n     int
	lows  [windows]point

	known bool
	base  point         // a point of the line,
	slope float64       // and its slope: seconds of delay a second
	until time.Duration // nobody knows where it is after that
}

// point is one packet: when it arrived, and its delay.
type point struct{ at, delay time.Duration }

// Add takes one packet: when it arrived, and its extended RTP timestamp.
func (d *Drift) Add(at time.Duration, ts int64) {
	p := point{at, delay(at, ts)}
	if d.open && at-d.from >= max(d.width, firstWindow) {
		d.close()
	}
	if !d.open {
		d.from, d.low, d.open = at, p, true
		return
	}
	if p.delay < d.low.delay {
		d.low = p
	}
}

// close files the current window and looks for the line again.
func (d *Drift) close() {
	d.width = max(d.width, firstWindow)
	d.open = false
	if d.known && d.low.delay < d.line(d.low.at)-sunk {
		d.base = d.low // the slope stays: a clock does not change with the path
		d.n, d.width = 0, firstWindow
	}
	if d.n == windows {
		d.makeRoom()
	}
	d.lows[d.n] = d.low
	d.n++
	d.fit()
	d.known = d.known && d.low.at <= d.until
}

func (d *Drift) makeRoom() {
	if d.width >= widest {
		d.n = copy(d.lows[:], d.lows[1:])
		return
	}
	for i := range windows / 2 {
		a, b := d.lows[2*i], d.lows[2*i+1]
		if b.delay < a.delay {
			a = b
		}
		d.lows[i] = a
	}
	d.n = windows / 2
	d.width *= 2
}

// line is the delay of the line at an instant.
func (d *Drift) line(at time.Duration) time.Duration {
	return d.base.delay + time.Duration(d.slope*float64(at-d.base.at))
}

// fit finds the line that lies under all windows and is nearest to them: the edge
// of their lower convex hull over their middle.
func (d *Drift) fit() {
	if d.n < enough {
		return
	}
	lows := d.lows[:d.n]
	var hull [windows]point
	k := 0
	var middle time.Duration
	for _, p := range lows {
		for k > 1 && !turnsUp(hull[k-2], hull[k-1], p) {
			k--
		}
		hull[k] = p
		k++
		middle += (p.at - lows[0].at) / time.Duration(len(lows))
	}
	i := 1
	for i < k-1 && hull[i].at-lows[0].at < middle {
		i++
	}
	a, b := hull[i-1], hull[i]
	if b.at <= a.at {
		return
	}
	slope := float64(b.delay-a.delay) / float64(b.at-a.at)
	if slope < -plausible || slope > plausible {
		return
	}
	base, before := d.base, d.slope
	d.base, d.slope = a, slope
	var above [windows]time.Duration
	for i, p := range lows {
		above[i] = p.delay - d.line(p.at)
	}
	slices.Sort(above[:d.n])
	if above[(d.n-1)*3/4] > near {
		d.base, d.slope = base, before
		return
	}
	d.known = true
	last := lows[len(lows)-1].at
	d.until = last + last - lows[0].at + d.width
}

// turnsUp reports whether the way from a over b to c bends upwards at b.
func turnsUp(a, b, c point) bool {
	return float64(b.delay-a.delay)*float64(c.at-b.at) < float64(c.delay-b.delay)*float64(b.at-a.at)
}

// Delay is the least delay that a packet could have met at an instant: arrival
// minus timestamp, in the units of Add. ok is false while that is not known well.
func (d *Drift) Delay(at time.Duration) (least time.Duration, ok bool) {
	if !d.known {
		return 0, false
	}
	return d.line(at), true
}

// PPM is how much faster the sender's clock runs than ours, in parts per
// million; negative when slower. ok is false while that is not known well: for
// the first seconds, and where jitter leaves too few packets alone.
func (d *Drift) PPM() (ppm float64, ok bool) {
	// A fast sender's timestamps run ahead, so its delays shrink.
	return -d.slope * 1e6, d.known
}

// Restart forgets where the sender's clock stood, but not how fast it runs.
func (d *Drift) Restart() { d.n, d.width, d.open = 0, firstWindow, false }

package clock

import "time"

// windows is how many window minima a Drift keeps. When they are full, pairs are
// merged and the window doubles: the memory is bounded, and a long call is
// measured over all of its length.
const windows = 32

// firstWindow is long enough that some packet of it met no queue.
const firstWindow = 2 * time.Second

// Drift measures a sender's clock against ours: the slope of the smallest delay
// in each window of time. The zero Drift has seen nothing.
type Drift struct {
	width time.Duration
	from  time.Duration // start of the current window
	min   time.Duration // smallest delay in it
	at    time.Duration // when that packet arrived
	open  bool
	n     int
	mins  [windows]point
}

type point struct{ at, min time.Duration }

// Add takes one packet: when it arrived, and its extended RTP timestamp.
func (d *Drift) Add(at time.Duration, ts int64) {
	if d.width == 0 {
		d.width = firstWindow
	}
	delay := delay(at, ts)
	if d.open && at-d.from >= d.width {
		d.close()
	}
	if !d.open {
		d.from, d.min, d.at, d.open = at, delay, at, true
		return
	}
	if delay < d.min {
		d.min, d.at = delay, at
	}
}

// close files the current window's minimum.
func (d *Drift) close() {
	if d.n == windows {
		for i := range windows / 2 {
			a, b := d.mins[2*i], d.mins[2*i+1]
			if b.min < a.min {
				a = b
			}
			d.mins[i] = a
		}
		d.n = windows / 2
		d.width *= 2
	}
	d.mins[d.n] = point{d.at, d.min}
	d.n++
	d.open = false
}

// PPM is how much faster the sender's clock runs than ours, in parts per
// million, by least squares over the window minima; negative when slower. ok is
// false while there are fewer than three windows.
func (d *Drift) PPM() (ppm float64, ok bool) {
	if d.n < 3 {
		return 0, false
	}
	x0, y0 := d.mins[0].at, d.mins[0].min
	var sx, sy, sxx, sxy float64
	for _, p := range d.mins[:d.n] {
		x, y := (p.at - x0).Seconds(), (p.min - y0).Seconds()
		sx += x
		sy += y
		sxx += x * x
		sxy += x * y
	}
	n := float64(d.n)
	den := n*sxx - sx*sx
	if den <= 0 {
		return 0, false
	}
	// A fast sender's timestamps run ahead, so its delays shrink.
	return -(n*sxy - sx*sy) / den * 1e6, true
}

package mp3

import "math"

// stereo undoes joint stereo (11172-3 2.4.3.4.9) once both channels of a granule
// are there.
func (s *spectrum) stereo(h *Header, gr int) {
	if h.Mode != 1 || h.Channels != 2 {
		return
	}
	l, r := &s.channels[0], &s.channels[1]
	middleSide := h.Extension&2 != 0
	defer func() { l.top, r.top = max(l.top, r.top), max(l.top, r.top) }()
	if h.Extension&1 == 0 {
		if middleSide {
			turn(l.x[:], r.x[:])
		}
		return
	}
	compress := s.side.part[gr][1].compress
	for k := range r.bands {
		from, to := int(r.bounds[k]), int(r.bounds[k+1])
		a, b := l.x[from:to], r.x[from:to]
		if left, right, ok := s.position(h, k, compress); ok && r.empty(k) {
			for i, v := range a {
				a[i], b[i] = v*left, v*right
			}
		} else if middleSide {
			turn(a, b)
		}
	}
}

// turn makes left and right of middle and side (2.4.3.4.9.2).
func turn(l, r []float64) {
	for i, m := range l {
		s := r[i]
		l[i], r[i] = (m+s)*math.Sqrt2/2, (m-s)*math.Sqrt2/2
	}
}

// empty says whether the channel is zero in band k and all those of the same
// window above it.
func (l *lines) empty(k int) bool {
	step := 1
	if k >= l.long && l.long < l.bands {
		step = 3
	}
	for ; k < l.bands; k += step {
		for _, v := range l.x[l.bounds[k]:min(int(l.bounds[k+1]), max(int(l.bounds[k]), l.top))] {
			if v != 0 {
				return false
			}
		}
	}
	return true
}

// position gives the gains of intensity stereo in band k, unless the right
// channel's scalefactor says that it is off there (2.4.3.4.9.3; 13818-3
// 2.4.3.2).
func (s *spectrum) position(h *Header, k, compress int) (left, right float64, ok bool) {
	r := &s.channels[1]
	// The band above the last scalefactor takes that of the one below it.
	if last := r.bands - 1; r.long == r.bands {
		k = min(k, last-1)
	} else if k > last-3 {
		k -= 3
	}
	pos := r.sf[k]
	if h.Version == MPEG1 {
		if pos >= 7 {
			return 0, 0, false
		}
		if pos == 6 { // tan(π/2)
			return 1, 0, true
		}
		ratio := math.Tan(float64(pos) * math.Pi / 12)
		return ratio / (1 + ratio), 1 / (1 + ratio), true
	}
	if pos == r.limit[k] && pos > 0 {
		return 0, 0, false
	}
	base := math.Pow(2, -0.25)
	if compress&1 == 1 {
		base = math.Sqrt2 / 2
	}
	gain := math.Pow(base, float64((int(pos)+1)/2))
	if pos&1 == 1 {
		return gain, 1, true
	}
	return 1, gain, true
}

package tones

import "math"

// The frequencies of Q.23, in Hz.
var (
	rows    = [4]float64{697, 770, 852, 941}
	columns = [4]float64{1209, 1336, 1477, 1633}
)

// codes are the event codes by row and column.
var codes = [4][4]int8{
	{1, 2, 3, 12},
	{4, 5, 6, 13},
	{7, 8, 9, 14},
	{10, 0, 11, 15},
}

// The limits of a hop. It is short, so its filters also hear much of the other
// tone; they only have to let all keys through.
const (
	// faint is the float32 of one tone of -40 dBm0 in a hop: 0 dBm0 is an amplitude
	// of 22400 (G.711 tables 1 and 2: a full sine is +3.14 or +3.17 dBm0).
	faint = hop / 2 * 224 * 224
	// share is what of a hop's energy the two tones are at least.
	share = 0.5
	// highMost and lowMost are how much stronger than the other either tone may be
	// to the filters: 10 and 14 dB.
	highMost = 10
	lowMost  = 25
)

// coefficients are 2 cos(2 pi f / 8000).
func coefficients(f [4]float64) (c [4]float32) {
	for i := range f {
		c[i] = float32(2 * math.Cos(2*math.Pi*f[i]/8000))
	}
	return c
}

var rowFilters, columnFilters = coefficients(rows), coefficients(columns)

// judge finds the key that a hop may be part of, or none, and the hop's energy.
func judge(x *[hop]float32) (key int8, e float32) {
	var sums [4]float32 // additions that need not wait for one another
	for i := 0; i < hop; i += 4 {
		sums[0] += x[i] * x[i]
		sums[1] += x[i+1] * x[i+1]
		sums[2] += x[i+2] * x[i+2]
		sums[3] += x[i+3] * x[i+3]
	}
	e = sums[0] + sums[1] + sums[2] + sums[3]
	if e < 2*faint {
		return none, e
	}
	row, low := strongest(x, &rowFilters)
	if low < faint || low < share/(1+highMost)*e { // most of speech ends here
		return none, e
	}
	column, high := strongest(x, &columnFilters)
	if high < faint || low+high < share*e || high > highMost*low || low > lowMost*high {
		return none, e
	}
	return codes[row][column], e
}

// strongest runs the four filters of a group over a hop (Goertzel's recursion) and
// returns the one that hears most, and the float32 of the tone it hears.
func strongest(x *[hop]float32, filters *[4]float32) (which int, e float32) {
	c0, c1, c2, c3 := filters[0], filters[1], filters[2], filters[3]
	var p0, p1, p2, p3, q0, q1, q2, q3 float32
	for i := 0; i < hop; i += 2 { // two steps, so that no value has to move
		q0 = c0*p0 + (x[i] - q0)
		q1 = c1*p1 + (x[i] - q1)
		q2 = c2*p2 + (x[i] - q2)
		q3 = c3*p3 + (x[i] - q3)
		p0 = c0*q0 + (x[i+1] - p0)
		p1 = c1*q1 + (x[i+1] - p1)
		p2 = c2*q2 + (x[i+1] - p2)
		p3 = c3*q3 + (x[i+1] - p3)
	}
	for i, power := range [4]float32{
		p0*p0 + q0*q0 - c0*p0*q0, p1*p1 + q1*q1 - c1*p1*q1,
		p2*p2 + q2*q2 - c2*p2*q2, p3*p3 + q3*q3 - c3*p3*q3,
	} {
		if power *= 2.0 / hop; power > e {
			which, e = i, power
		}
	}
	return which, e
}

package tones

import "math"

// The limits of a press, measured over four hops.
const (
	// steadiness is how loud the quietest hop is at least beside the loudest.
	// Whole hops of two steady tones differ by 15 %, as the tones beat; a voice's
	// more. Without this, speech presses keys.
	steadiness = 0.6
	// offMost is how far a frequency may be off, between the 1.5 % that are taken
	// and the 3.5 % that are not.
	offMost = 0.025
	// purity is what of the energy the two tones are at least. Noise 12 dB below
	// them takes 6 %, their beat 4 %; a voice has other harmonics (at 0.8 the first
	// false key came in two hours of speech).
	purity = 0.88
	// highLimit and lowLimit are the squares of how much stronger than the other
	// either tone may be: 5 and 10 dB, a little more than Q.24 asks for.
	highLimit = 3.16
	lowLimit  = 10
)

// probe correlates two hops with one frequency under a Hann window, which hears
// nothing of the other group: that is at least 268 Hz away, and the window's side
// lobes are 50 dB down there. Its sine and cosine have phase 0 at the first sample.
type probe struct {
	cos, sin [2 * hop]float32
	step     float64 // of phase in one hop
	omega    float64 // radians a sample
}

func probes(f [4]float64) (out [4]probe) {
	for i := range out {
		p := &out[i]
		p.omega = 2 * math.Pi * f[i] / 8000
		p.step = p.omega * hop
		for n := range p.cos {
			w := (1 - math.Cos(2*math.Pi*(float64(n)+0.5)/(2*hop))) / (2 * hop) // sums to 1
			p.cos[n] = float32(2 * w * math.Cos(p.omega*float64(n)))
			p.sin[n] = float32(-2 * w * math.Sin(p.omega*float64(n)))
		}
	}
	return out
}

var rowProbes, columnProbes = probes(rows), probes(columns)

// certain says whether the newest four hops are the two tones of key and little else.
func (d *Detector) certain(key int8) bool {
	for row := range codes {
		for column := range codes[row] {
			if codes[row][column] != key {
				continue
			}
			low, lowOff := d.tone(&rowProbes[row])
			high, highOff := d.tone(&columnProbes[column])
			if lowOff > offMost || highOff > offMost || high > highLimit*low || low > lowLimit*high {
				return false
			}
			var e float64
			for _, h := range d.hops {
				e += float64(h)
			}
			return (low+high)*window/2 >= purity*e
		}
	}
	return false
}

// tone measures the tone nearest to the probe's frequency in the newest four hops:
// the square of its amplitude, and how far it is off, as a fraction. The phase that
// it gains from one pair of hops to the next tells its frequency.
func (d *Detector) tone(p *probe) (square, off float64) {
	var re, im [3]float64
	first := d.n % window
	for i := range re {
		a := d.ring[(first+i*hop)%window:][:hop]
		b := d.ring[(first+i*hop+hop)%window:][:hop]
		var c, s float32
		for n, x := range a {
			c += x * p.cos[n]
			s += x * p.sin[n]
		}
		for n, x := range b {
			c += x * p.cos[hop+n]
			s += x * p.sin[hop+n]
		}
		re[i], im[i] = float64(c), float64(s)
		square += (re[i]*re[i] + im[i]*im[i]) / 3
	}
	gainRe := re[1]*re[0] + im[1]*im[0] + re[2]*re[1] + im[2]*im[1]
	gainIm := im[1]*re[0] - re[1]*im[0] + im[2]*re[1] - re[2]*im[1]
	phase := math.Remainder(math.Atan2(gainIm, gainRe)-p.step, 2*math.Pi)
	off = math.Abs(phase) / p.step
	// What a Hann window loses of a tone that is so many cycles off over its length.
	if cycles := phase / math.Pi; math.Abs(cycles) > 1e-6 && math.Abs(cycles) < 0.9 {
		gain := math.Sin(math.Pi*cycles) / (math.Pi * cycles * (1 - cycles*cycles))
		square /= gain * gain
	}
	return square, off
}

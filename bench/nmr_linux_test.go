package bench

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// The ear of the check of MP3 files, after ITU-R BS.1387: how far the difference
// of two recordings lies above or below what the one masks of it.
const (
	earFrame = 256    // samples at 8 kHz, 32 ms; they overlap by half
	earFrom  = 80.0   // Hz
	earTo    = 3400.0 // Hz; above, the worker's resampler begins to take away
	earBelow = 27.0   // dB a Bark that masking falls towards lower frequencies
	earAbove = 12.0   // and towards higher ones
	earQuiet = -85.0  // dB of full scale that nobody hears in any band
	earMost  = 2.0    // noise over mask that one frame counts for at most: before an onset, a frame of little sound has much
	earSpell = 8      // frames of which one spell is judged: 144 ms
)

// ear holds what every comparison shares.
type ear struct {
	window  [earFrame]float64
	twiddle [earFrame / 2]complex128
	first   []int       // bin of each band, and one more
	masks   [][]float64 // masks[i][j]: what power 1 in band i masks in band j
}

// listener is the one ear; it never changes.
var listener = func() *ear {
	e := &ear{}
	for i := range e.window {
		e.window[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/earFrame)
	}
	for i := range e.twiddle {
		e.twiddle[i] = cmplx.Rect(1, -2*math.Pi*float64(i)/earFrame)
	}
	// Bands of half a Bark, or of one bin where that is wider.
	bark := func(bin float64) float64 { return 7 * math.Asinh(bin*8000/earFrame/650) }
	last := math.Inf(-1)
	var at []float64 // in Bark
	bin := int(math.Ceil(earFrom * earFrame / 8000))
	for ; float64(bin)*8000/earFrame < earTo; bin++ {
		if z := bark(float64(bin)); z >= last+0.5 {
			last = z
			e.first, at = append(e.first, bin), append(at, z)
		}
	}
	e.first = append(e.first, bin)
	total := make([]float64, len(at))
	for i := range at {
		row := make([]float64, len(at))
		for j := range at {
			row[j] = math.Pow(10, -earAbove/10*max(0, at[j]-at[i])-earBelow/10*max(0, at[i]-at[j]))
			total[j] += row[j]
		}
		e.masks = append(e.masks, row)
	}
	for i := range at {
		for j := range at {
			e.masks[i][j] /= total[j] * math.Pow(10, max(3, at[j]/4)/10)
		}
	}
	return e
}()

// nmr is the ratio of noise to mask, in dB.
type nmr struct {
	total float64 // mean of all bands of all frames in which there is sound
	worst float64 // of the worst spell
}

// compare judges got beside want, both at 8 kHz and of full scale 1.
func (e *ear) compare(want, got []float64) nmr {
	var loudest float64
	frames := max(0, len(want)/(earFrame/2)-1)
	power := func(x []float64) (p float64) {
		for _, v := range x {
			p += v * v
		}
		return p / earFrame
	}
	for f := range frames {
		loudest = max(loudest, power(want[f*earFrame/2:][:earFrame]))
	}
	active := max(1e-5*math.Sqrt(0.1), loudest*1e-4*math.Sqrt(0.1)) // -55 dB of full scale, -45 dB of the loudest
	quiet := math.Pow(10, earQuiet/10)

	var z [earFrame]complex128
	var sum, worst float64
	heard, spell := 0, [earSpell]float64{}
	signal, noise := make([]float64, len(e.masks)), make([]float64, len(e.masks))
	for f := range frames {
		w, g := want[f*earFrame/2:][:earFrame], got[f*earFrame/2:][:earFrame]
		spell[f%earSpell] = 0
		if max(power(w), power(g)) < active {
			continue
		}
		for i := range z { // two real signals in one transform
			z[i] = complex(e.window[i]*w[i], e.window[i]*(g[i]-w[i]))
		}
		e.fft(&z)
		for b := range signal {
			signal[b], noise[b] = quiet, 0
			for k := e.first[b]; k < e.first[b+1]; k++ {
				m := cmplx.Conj(z[earFrame-k])
				s, n := (z[k]+m)/2, (z[k]-m)/2
				const sine = earFrame * earFrame / 16
				signal[b] += (real(s)*real(s) + imag(s)*imag(s)) / sine
				noise[b] += (real(n)*real(n) + imag(n)*imag(n)) / sine
			}
		}
		ratio := 0.0
		for j := range noise {
			mask := 0.0
			for i := range signal {
				mask += signal[i] * e.masks[i][j]
			}
			ratio += noise[j] / mask / float64(len(noise))
		}
		ratio = min(ratio, earMost)
		heard++
		sum += ratio
		spell[f%earSpell] = ratio
		all := 0.0
		for _, r := range spell {
			all += r / earSpell
		}
		worst = max(worst, all)
	}
	if heard == 0 {
		return nmr{total: math.Inf(1), worst: math.Inf(1)} // no file is all silence
	}
	return nmr{total: 10 * math.Log10(sum/float64(heard)), worst: 10 * math.Log10(worst)}
}

// fft transforms in place, by halves.
func (e *ear) fft(z *[earFrame]complex128) {
	const shift = 64 - 8
	for i := range z {
		if j := int(bits.Reverse64(uint64(i)) >> shift); j > i {
			z[i], z[j] = z[j], z[i]
		}
	}
	for s := 1; s < earFrame; s *= 2 {
		for i := 0; i < earFrame; i += 2 * s {
			for k := range s {
				a, b := z[i+k], z[i+k+s]*e.twiddle[k*earFrame/2/s]
				z[i+k], z[i+k+s] = a+b, a-b
			}
		}
	}
}

// halfBand is the right half of a low-pass at a quarter of the sample rate, its
// odd taps, for all even ones but the middle are 0: flat to 3.4 kHz of 16 kHz,
// and closed from 4.6 kHz on.
var halfBand = func() (h [24]float64) {
	for i := range h {
		x := float64(2*i + 1)
		w := math.Pi * x / float64(2*len(h))
		h[i] = math.Sin(math.Pi*x/2) / (math.Pi * x) * (0.42 + 0.5*math.Cos(w) + 0.08*math.Cos(2*w))
	}
	return h
}()

// halve takes PCM from 16 to 8 kHz, without delay, at a full scale of 1.
func halve(pcm []int16) []float64 {
	pad := 2 * len(halfBand)
	x := make([]float64, len(pcm)+2*pad)
	for i, v := range pcm {
		x[pad+i] = float64(v) / 32768
	}
	out := make([]float64, len(pcm)/2)
	for i := range out {
		at := pad + 2*i
		y := x[at] / 2
		for k, h := range halfBand {
			y += h * (x[at+2*k+1] + x[at-2*k-1])
		}
		out[i] = y
	}
	return out
}

package mp3

import "math"

// Pre-echo: the noise of a block lies under its whole window, also where there
// was silence before an onset and nothing masks it. A short block is 36 ms long
// at 8 kHz, so the course of the energy within it counts too, in steps of three
// slots: a quarter of the block.

const (
	// quietest is added to an energy: what is below about -60 dB of full
	// scale is silence.
	quietest = 1e-6

	// mostOnset bounds by how much an onset makes noise weigh more.
	mostOnset = 30
)

// thirdsGo sums the squares of three slots at a time.
func thirdsGo(e *[slots / 3]float32, x *subbands) {
	for i := range e {
		var s [8]float32
		for t := 3 * i; t < 3*i+3; t++ {
			for j := 0; j < 32; j += 8 {
				v := (*[8]float32)(x[t][j:])
				for l := range s {
					s[l] += float32(v[l] * v[l])
				}
			}
		}
		e[i] = sum8(&s)
	}
}

// onsets weighs the noise of each of three short blocks, of which the first
// starts six slots before sub, with the mean of one over the energy in place of
// one over the mean, both under the window's sin². What follows loud sound is
// masked by it for a while.
func (m *masker) onsets(weights *[3][maxBands]float32, p *psyTables, sub *subbands) {
	var e [slots / 3]float32
	thirds(&e, sub)
	c := &m.thirds
	c[0], c[1] = c[6], c[7]
	for i, v := range e {
		c[2+i] = v + quietest
		if after := float32(p.third * c[1+i]); after > c[2+i] {
			c[2+i] = after
		}
	}
	for t := range weights {
		q := (*[4]float32)(c[2*t:])
		mean := float32(0.0908*(q[0]+q[3])) + float32(0.4092*(q[1]+q[2]))
		inverse := float32(0.0908*(1/q[0]+1/q[3])) + float32(0.4092*(1/q[1]+1/q[2]))
		f := min(float32(mean*inverse), mostOnset)
		if f < 1.2 {
			continue
		}
		for b := range weights[t][:p.n] {
			weights[t][b] *= f
		}
	}
}

// thirdDecay is what is left of masking three slots later: 10 ms take it to 1/e.
func thirdDecay(rate int) float32 {
	return float32(math.Exp(-96 / float64(rate) / 0.010))
}

package bench

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// turnPackets is how long a turn of a parley is: 200 ms.
const turnPackets = 10

// parlance is a minute of what two parties say in turns: the caller, both, the callee,
// and again. So in a mix, too, each can be found. Who does not speak sends zeros.
var parlance = sync.OnceValue(func() (legs [2][]byte) {
	const packets = 3000
	for leg := range legs {
		octets := bytes.Repeat([]byte{0xFF}, packets*frame)
		for i, v := range utter(rand.New(rand.NewPCG(8000, uint64(leg))), len(octets)) {
			n := i / frame
			if n/turnPackets%3 == 2*(1-leg) {
				continue
			}
			// A turn begins and ends softly, for MP3's sake.
			at := i % (turnPackets * frame)
			if edge := min(at, turnPackets*frame-1-at); edge < 160 {
				v *= float64(edge) / 160
			}
			octets[i] = compress(v)
		}
		legs[leg] = octets
	}
	return legs
})

// parley is so many packets of it for each party, another piece for each name.
func parley(name string, packets int) (talks [2]*talk) {
	hash := fnv.New64()
	_, _ = hash.Write([]byte(name))
	r := rand.New(rand.NewPCG(hash.Sum64(), 0))
	const cycle = 3 * turnPackets * frame
	from := r.IntN((len(parlance()[0])-packets*frame)/cycle) * cycle
	for leg := range talks {
		talks[leg] = &talk{
			ssrc: r.Uint32(), seq: uint16(r.Uint32()), ts: r.Uint32(),
			octets: slices.Clone(parlance()[leg][from : from+packets*frame]), sent: make([]time.Time, packets), table: &expanded,
		}
	}
	return talks
}

// alone reports whether nobody else speaks in packet n of a leg's talk.
func alone(leg, n int) bool { return n/turnPackets%3 == 2*leg }

// held is what a file must hold: a stretch of the timeline.
type held struct {
	format   string // wav if it is not said
	rate     int    // 8000
	legs     string // mix, caller, or stereo; mix
	from, to int
	masks    [][2]int
}

// holds compares a file with what was said.
func (c *spoken) holds(what string, s sound, h held) {
	c.t.Helper()
	c.heard()
	if h.format == "" {
		h.format = "wav"
	}
	if h.rate == 0 {
		h.rate = 8000
	}
	channels := 1
	if h.legs == "stereo" {
		channels = 2
	}
	if s.format != h.format || s.rate != h.rate || len(s.channels) != channels {
		c.t.Errorf("%s: %s of %d Hz and %d channels, want %+v", what, s.format, s.rate, len(s.channels), h)
		return
	}
	want := c.expect(what, s, &h)
	for i, pcm := range s.channels {
		if h.format == "wav" && h.rate == 8000 {
			wantSame(c.t, fmt.Sprint(what, ", channel ", i), pcm, want[i])
			continue
		}
		if samples := ((h.to-h.from)*h.rate + 7999) / 8000; len(pcm) != samples {
			c.t.Errorf("%s: %d samples, want %d", what, len(pcm), samples)
			continue
		}
		ref := make([]float64, len(want[i]))
		for k, v := range want[i] {
			ref[k] = float64(v) / 32768
		}
		most := noiseOf(h.format, h.rate)
		n := listener.compare(ref, narrow(pcm, h.rate, len(ref)))
		c.t.Logf("%s, channel %d: noise over mask %.1f dB, at worst %.1f", what, i, n.total, n.worst)
		if !(n.total <= most.total && n.worst <= most.worst) {
			c.t.Errorf("%s, channel %d: noise over mask is %.1f dB, at worst %.1f", what, i, n.total, n.worst)
		}
	}
}

// noiseOf is what a file may have that is not exact, in dB over the mask. Half the
// level comes to -3.8, a leg that is missing to -1.8 and more, one sample late to 2.8;
// files come to a dB or more less than is allowed, WAV files to 15.
func noiseOf(format string, rate int) nmr {
	switch {
	case format == "wav":
		return nmr{-20, -20}
	case rate < 16000: // 24 kbit/s
		return nmr{-3, 2}
	}
	return nmr{-5, 0.5}
}

// expect is what the channels of a file should be at 8 kHz.
func (c *spoken) expect(what string, s sound, h *held) (channels [][]int16) {
	c.t.Helper()
	var legs [2][]int16
	for leg, k := range c.talks {
		w := newChannel(h.to)
		if h.legs != "caller" || leg == 0 {
			if !c.found[leg] {
				c.find(what, s, h, leg)
			}
			k.lay(w, c.place[leg], 0, len(k.sent))
		}
		for _, m := range h.masks {
			clear(w.pcm[min(m[0], h.to):min(m[1], h.to)])
		}
		legs[leg] = w.pcm[h.from:]
	}
	if h.legs == "stereo" {
		return legs[:]
	}
	return [][]int16{sum(legs[0], legs[1])}
}

// earliest is when sample 0 would have left, had all packets left as early as the best
// of those that a recorder has when it must place the first.
func (k *talk) earliest() (best time.Time) {
	for n, at := range k.sent {
		if o := at.Add(-time.Duration(n) * frameTime); !at.IsZero() && n < 125 && (best.IsZero() || o.Before(best)) {
			best = o
		}
	}
	return best
}

// lateness is how much later than the best packet any other left.
func (k *talk) lateness() (worst time.Duration) {
	o := k.earliest()
	for n, at := range k.sent {
		if !at.IsZero() {
			worst = max(worst, at.Sub(o.Add(time.Duration(n)*frameTime)).Abs())
		}
	}
	return worst
}

// find looks in a file for the place of a talk on the timeline, within 4 ms of when it
// was sent, as far as that is known: by the packets in which its party alone is heard.
// Once it is found, every other file of the call must have it at the same place.
func (c *spoken) find(what string, s sound, h *held, leg int) {
	c.t.Helper()
	k, pcm := c.talks[leg], s.channels[len(s.channels)*leg/2]
	slack := 4*ms + int(c.left[leg].Sub(k.earliest())/sample)
	guess := int(math.Round(float64(k.earliest().Sub(c.epoch)) / float64(sample)))
	var packets []int
	for n := range k.sent {
		from, to := guess+n*frame-slack, guess+(n+1)*frame+slack
		free := alone(leg, n) && !k.sent[n].IsZero() && from >= h.from && to <= h.to
		for _, m := range h.masks {
			free = free && (to <= m[0] || from >= m[1])
		}
		if free {
			packets = append(packets, n)
		}
	}
	if len(packets) < 3 {
		c.t.Errorf("%s: leg %d is alone in %d packets between %d and %d: too few to find it", what, leg, len(packets), h.from, h.to)
		return
	}
	var got []float64
	if h.rate != 8000 || h.format != "wav" {
		got = narrow(pcm, h.rate, h.to-h.from)
	}
	best := math.Inf(-1)
	for d := -4 * ms; d <= slack; d++ {
		fit := 0.0
		for _, n := range packets {
			at := guess + d + n*frame - h.from
			for i, o := range k.payload(n) {
				switch want := k.table[o]; {
				case got != nil:
					fit += got[at+i] * float64(want)
				case at+i < len(pcm) && pcm[at+i] == want:
					fit++
				}
			}
		}
		if fit > best {
			best, c.place[leg] = fit, guess+d
		}
	}
	c.found[leg] = true
	c.t.Logf("%s: leg %d is %v from where it was sent, whose worst lag was %v", what, leg, time.Duration(c.place[leg]-guess)*sample, k.lateness())
}

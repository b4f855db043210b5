package mp3

// rateControl shares out bits so that the noise, weighed by the model, is the
// same everywhere as far as the bit reservoir allows.
type rateControl struct {
	kbps     int     // constant bit rate, or 0
	padding  int     // 1/Rate parts of a byte that frames are behind
	mean     float32 // bits of main data a granule
	logNoise float32 // log2 of the running noise level per line
	avgBits  float32 // of recent granules, at that level
	avgLines float32

	room  int     // bits that the frame's granules may still use
	least int     // bits that they should use lest some be lost
	share [2]int  // target of each channel in this granule
	noise float32 // log2 noise for this granule
	left  int     // granules of the frame not yet coded
}

// future is how many average granules the bits in hand should still do for;
// reserve the part of the reservoir to keep; settleSpeed how fast the running
// noise level follows what the bits allow; leastRound the quantiser's rounding
// where bits are few.
const (
	future      = float32(2)
	reserve     = 0.3
	settleSpeed = float32(0.05)
	leastRound  = 0.30
)

// leastRoom is how many bits of main data a decoder has to find before anything
// is coded in them: mpg123 reads some bytes ahead and stumbles over less.
const leastRoom = 80

func (r *rateControl) start(cfg *Config, h *Header) {
	r.kbps = cfg.BitRate
	r.logNoise = -1
	h.BitRate = cfg.BitRate
	if r.kbps == 0 {
		r.logNoise = 1 - 1.5*float32(cfg.Quality)
		h.BitRate = bitRates[h.Version.lsf()][14]
	}
	h.setBitRate(h.BitRate)
	r.mean = float32(8*h.dataLen()) / float32(h.Version.granules())
	r.avgBits, r.avgLines = r.mean, 250*float32(h.Channels)
}

// roof is the most that may stay in the reservoir: what main_data_begin can tell
// and the decoder's input buffer holds (7680 bits with a frame, 11172-3 2.4.3.1
// and C.1.5.4).
func (r *rateControl) roof(h *Header) int {
	return max(0, min(h.maxReservoir(), 7680/8-h.Size()))
}

// frame starts a frame: whether it is padded, and how many bits it may use.
func (r *rateControl) frame(h *Header, free int) {
	if r.kbps != 0 {
		h.Padding = false
		r.padding += h.Samples() / 8 * 1000 * r.kbps % h.Rate
		if r.padding >= h.Rate {
			r.padding -= h.Rate
			h.Padding = true
		}
	} else {
		h.setBitRate(bitRates[h.Version.lsf()][14])
	}
	r.left = h.Version.granules()
	r.room = 8 * (free + h.dataLen())
	r.least = r.room - 8*r.roof(h)
	if r.room < leastRoom {
		r.room = 0
	}
}

// granule sets the targets of the granule to be coded, from its own demand and
// that of the next, as if the average granule followed.
func (r *rateControl) granule(e *Encoder) {
	if r.kbps == 0 {
		r.noise = r.logNoise
		return
	}
	n := e.cfg.Channels
	var bits, lines, nextBits, nextLines float32
	var want [2]float32
	for c := range n {
		want[c] = e.ch[c].now.bitsAt(r.logNoise)
		bits += want[c]
		lines += e.ch[c].now.active
		nextBits += e.ch[c].next.bits
		nextLines += e.ch[c].next.active
	}
	const k = future
	have := float32((2+k)*r.mean) + float32(r.room-8*e.head.dataLen()) - float32(reserve*float32(8*r.roof(&e.head)))
	if r.left == 1 && e.head.Version == MPEG1 {
		have = float32((2+k)*r.mean) + float32(r.room) - r.mean - float32(reserve*float32(8*r.roof(&e.head)))
	}
	over := (bits + nextBits + float32(k*r.avgBits) - have) / (lines + nextLines + float32(k*r.avgLines) + 1)
	total := bits - float32(over*lines)
	total = max(total, float32(r.least)/float32(r.left))
	most := float32(r.room)
	if r.left == 2 {
		most *= 0.7
	}
	total = min(total, most)
	for c := range n {
		d := want[c] - float32(over*e.ch[c].now.active)
		part := float32(1) / float32(n)
		if bits-float32(over*lines) > 1 && n == 2 {
			part = min(max(d/(bits-float32(over*lines)), 0), 1)
		}
		r.share[c] = int(total * part)
	}
	if lines > 0 {
		r.noise = r.logNoise + float32(2*(bits-total)/max(lines, 200*float32(n)))
	} else {
		r.noise = r.logNoise
	}
	r.noise = min(max(r.noise, -30), 30)
	r.logNoise = min(max(r.logNoise+float32(2*settleSpeed*over), -30), 30)
	if bits > 0.3*r.mean {
		r.avgBits += float32(0.05 * (bits - float32(over*lines) - r.avgBits))
		r.avgLines += float32(0.05 * (lines - r.avgLines))
	}
}

func (a *analysis) bitsAt(logNoise float32) float32 {
	return max(0, a.bits-float32(0.5*a.active*(logNoise-a.logNoise)))
}

// code codes one channel's granule within its share.
func (r *rateControl) code(c *coder, g *granule, a *analysis, ch int) {
	limit := max(min(r.room, 4095), 0)
	target := max(min(r.share[ch], limit), 0)
	if r.kbps == 0 {
		target = min(int(a.bitsAt(r.noise)), limit)
	}
	c.round = rounding(float32(target) / (a.active + 1))
	gain := c.shape(g, exp2f(r.noise))
	if c.largest == 0 {
		c.silence(g)
	} else if r.kbps == 0 {
		c.quantiseAt(g, gain, limit)
	} else {
		c.search(g, gain, target, limit)
	}
	r.room -= g.bits
	r.least -= g.bits
	if ch == 1 || r.share[1] == 0 {
		r.left--
	}
}

// choose fixes the bit rate of a frame of a variable rate stream.
func (r *rateControl) choose(h *Header, free, used int) {
	if r.kbps != 0 {
		return
	}
	for _, b := range bitRates[h.Version.lsf()][1:] {
		h.setBitRate(b)
		if free+h.dataLen() >= used {
			return
		}
	}
}

// rounding is what to add before rounding down: less where bits are few, since a
// magnitude less saves more than it hurts.
func rounding(bitsPerLine float32) float32 {
	return min(max(leastRound+float32(0.04*(bitsPerLine-4)), leastRound), 0.46)
}

package mp3

// Joint stereo: middle and side in place of left and right (11172-3 2.4.3.4.9.2)
// where they take fewer bits. A talker on each channel does not need it; music
// and a conference mixed to both do.

// joint decides for middle/side at the start of a frame, keeps to it until the
// frame is done, and puts it into effect for the granules to be coded.
func (e *Encoder) joint() {
	l, r := &e.ch[0], &e.ch[1]
	if e.done == 0 {
		e.head.Extension = 0
		// Decoders pair lines in stream order, so both must be cut alike.
		if l.block != r.block || l.next.isShort != r.next.isShort {
			return
		}
	} else if e.head.Extension == 0 {
		return
	}
	var spec [2][granuleLen]float32
	var both perception
	for i, x := range l.spec {
		y := r.spec[i]
		spec[0][i] = float32((x + y) * 0.70710677)
		spec[1][i] = float32((x - y) * 0.70710677)
	}
	// Noise on middle or side comes out half on the left, half on the right.
	for k := range both.long {
		both.long[k] = 0.5 * (l.now.long[k] + r.now.long[k])
	}
	for k := range both.short {
		both.short[k] = 0.5 * (l.now.short[k] + r.now.short[k])
	}
	var bits, active [2]float32
	for c := range spec {
		bits[c], active[c] = e.coder.entropy(&spec[c], &both, l.block, e.rate.logNoise)
	}
	if e.done == 0 && bits[0]+bits[1] >= l.now.bitsAt(e.rate.logNoise)+r.now.bitsAt(e.rate.logNoise) {
		return
	}
	e.head.Extension = 2
	for c := range spec {
		ch := &e.ch[c]
		ch.spec, ch.now.perception = spec[c], both
		ch.now.bits, ch.now.active, ch.now.logNoise = bits[c], active[c], e.rate.logNoise
	}
}

// entropy is that of a spectrum in stream order.
func (c *coder) entropy(spec *[granuleLen]float32, p *perception, block blockType, logNoise float32) (bits, active float32) {
	c.lay(p, block)
	inv := exp2f(-logNoise) * (sharp * sharp / 12.0)
	var value [40]float32
	for k, w := range c.weight[:c.bands] {
		value[k] = sqrtf(float32(w * inv))
	}
	var gain lineValues
	expand(&gain, &value, &c.bounds, c.bands)
	b, n := entropy(spec, &gain)
	return b, float32(n)
}

package tones

// The measure of time in band is a hop of 8 ms. A tone of 40 ms has four whole
// hops wherever it begins; one of 23 ms has two, and too little of any other. A
// pause of 40 ms has four as well, while a break of 10 ms, which must not end a
// press, touches three at most.
const (
	hop    = 64
	window = 4 * hop // what is looked at before a press is believed
	apart  = 3       // hops without the key that end a press
)

// Detector finds the keys pressed in band (DTMF, ITU-T Q.23) in the audio of one
// leg at 8 kHz, within the limits of Q.24, annex A, AT&T's column:
//
//	frequencies  up to 1.5 % off are taken, from 3.5 % off not
//	duration     from 40 ms taken, under 23 ms not; pauses from 40 ms, breaks up to 10 ms are none
//	levels       each tone from 0 to -36 dBm0 taken, at -42 not
//	twist        taken with the high tone from 4 dB above to 8 dB below the low one
//
// The zero value is ready. Blocks of any size have the same result.
//
// Every hop, eight Goertzel filters say whether two tones are most of what is
// heard. Four hops in a row with the same two are then measured exactly.
type Detector struct {
	ring [window]float32 // the newest samples, written round
	at   int64           // position of the next sample
	n    int             // its place in ring

	hops [4]float32 // energy of the newest hops, the sum of squares; newest last
	run  int        // of how many hops in a row the newest key is heard
	key  int8       // that key, or none

	last  Press
	any   bool // there is a last press
	quiet int  // hops since it was heard
}

// none is no key.
const none = -1

// Write takes pcm and appends to dst the presses that have become certain, each
// once: about 40 ms after it began, so its Length is short and it has not Ended.
// Last knows more later. Start is true to 8 ms, Length to 16.
func (d *Detector) Write(dst []Press, pcm []int16) []Press {
	for len(pcm) > 0 {
		n := min(hop-d.n%hop, len(pcm))
		for i, x := range pcm[:n] {
			d.ring[d.n+i] = float32(x)
		}
		d.n, d.at, pcm = d.n+n, d.at+int64(n), pcm[n:]
		if d.n%hop != 0 {
			break
		}
		if d.hop((*[hop]float32)(d.ring[d.n-hop:])) {
			dst = append(dst, d.last)
		}
		d.n %= window
	}
	return dst
}

// Last is the newest press as it is known by now, if there is one.
func (d *Detector) Last() (p Press, ok bool) { return d.last, d.any }

// hop judges one hop, and says whether it makes a new press certain.
func (d *Detector) hop(x *[hop]float32) bool {
	key, e := judge(x)
	copy(d.hops[:], d.hops[1:])
	d.hops[len(d.hops)-1] = e
	if key == none || key != d.key {
		d.run = 0
	}
	d.key = key
	if key != none {
		d.run++
	}
	if d.any && !d.last.Ended {
		if key != none && uint8(key) == d.last.Event {
			d.quiet = 0
			d.last.Length = d.at - d.last.Start
			return false
		}
		if d.quiet++; d.quiet < apart {
			return false
		}
		d.last.Ended = true
	}
	if d.run < len(d.hops) || !d.steady() || !d.certain(key) {
		return false
	}
	d.last = Press{Event: uint8(key), Start: d.at - window, Length: window}
	d.any, d.quiet = true, 0
	return true
}

// steady says whether the newest four hops are equally loud, so that the tone
// fills them and does not fade: of 23 ms one of them has 44 % at most.
func (d *Detector) steady() bool {
	least, most := d.hops[0], d.hops[0]
	for _, e := range d.hops[1:] {
		least, most = min(least, e), max(most, e)
	}
	return least >= steadiness*most
}

package recording

import (
	"strings"

	"callrec/codec/tones"
)

const (
	// callerKeys end a record_caller recording (Kazoo's terminators).
	callerKeys = "0123456789*#"
	// earlyEar is how long before a record_caller recording, in samples, keys are
	// listened for: one that is held down when it begins was pressed before it. The
	// shortest press will do.
	earlyEar = 320
	// sameKey is how far apart, in samples, the two forms of one press may lie. A
	// gateway needs 40 ms and more of a tone before it tells of it instead.
	sameKey = 800
)

// keypad is the keys pressed on the caller's leg, out of band and in band. A call
// has one from its first record_caller on.
type keypad struct {
	detect  tones.Detector
	running bool
	base    int64 // the detector's position 0 on the leg's own timeline
	next    int64 // what it hears next, there
	room    [16]tones.Press
	presses [16]keyPress // the newest, written round
	n       int          // presses so far
}

// keyPress is one press, at a position of the call.
type keyPress struct {
	pos    int64
	digit  byte
	inBand bool
	told   bool // an event has told of it
	hidden bool // it came under a mask: nobody is ever told which it was
}

// listenForKeys gives the call its keypad. A key that is down right now was told
// of before.
func (c *call) listenForKeys() {
	if c.keys != nil {
		return
	}
	c.keys = &keypad{}
	if l := c.legs[Caller]; l != nil && l.digits.follow != nil {
		if p, ok := l.digits.follow.Last(); ok {
			c.keys.add(keyPress{pos: p.Start - l.voice.course.Whole(), digit: p.Digit()})
		}
	}
}

// add notes a press, unless it is the other form of one that is known.
func (k *keypad) add(p keyPress) (news bool) {
	if strings.IndexByte(callerKeys, p.digit) < 0 {
		return false
	}
	for i := range min(k.n, len(k.presses)) {
		q := &k.presses[i]
		if far := q.pos - p.pos; q.digit == p.digit && q.inBand != p.inBand && max(far, -far) < sameKey {
			q.pos = min(q.pos, p.pos)
			q.told = q.told || p.told
			return false
		}
	}
	k.presses[k.n%len(k.presses)] = p
	k.n++
	return true
}

// first is the first press after a position.
func (k *keypad) first(after int64) *keyPress {
	var out *keyPress
	for i := range min(k.n, len(k.presses)) {
		if q := &k.presses[i]; q.pos > after && (out == nil || q.pos < out.pos) {
			out = q
		}
	}
	return out
}

// listen looks for keys in band in what the ear has just heard of the leg. That
// reaches 111 ms beyond what is mixed now, and the detector is sure after 40, so
// that a press is known before anything at its place has been written.
func (k *keypad) listen(l *leg, e *ear) {
	v := &l.voice
	oldest := v.read - int64(len(e.pcm))
	if !k.running || k.next < oldest {
		k.detect, k.base, k.next, k.running = tones.Detector{}, oldest, oldest, true
	}
	for _, p := range k.detect.Write(k.room[:0], e.pcm[k.next-oldest:]) {
		if k.add(keyPress{pos: k.base + p.Start - v.course.Whole(), digit: p.Digit(), inBand: true}) {
			l.digits.count++
		}
	}
	k.next = v.read
}

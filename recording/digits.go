package recording

import (
	"time"

	"github.com/pion/rtp"

	"callrec/capture/clock"
	"callrec/codec/tones"
)

// digits follows the keys pressed on a leg (RFC 4733), which are kept out of its
// audio. What somebody types may be a card number: it is told only where that was
// asked for.
type digits struct {
	follow  *tones.Digits // nil until the first: on most calls no key is pressed
	pressed []tones.Press // what is new since the last turn
	count   uint64
}

// newKeys is how many presses of one turn are told, and as many are in a packet at
// most: nobody types that fast.
const newKeys = 8

// receiveDigit takes a packet of telephone-events.
func (l *leg) receiveDigit(p *rtp.Packet, at time.Duration) {
	pos, ok := l.buffer.Note(&p.Header, at)
	if !ok {
		return // of no stream that is heard: nothing of it is in the audio either
	}
	d := &l.digits
	if d.follow == nil {
		d.follow, d.pressed = &tones.Digits{}, make([]tones.Press, 0, 2*newKeys)
	}
	before := len(d.pressed)
	d.pressed = d.follow.Push(d.pressed, p.Payload, pos, p.Marker, at)
	d.count += uint64(len(d.pressed) - before)
	d.pressed = d.pressed[:min(len(d.pressed), newKeys)]
	if from, to := d.follow.Span(); to > from {
		l.buffer.Hush(from, to)
	}
}

// tellDigits reports the keys that were pressed since the last turn. Under a mask
// they are counted, and no more; the mask of now counts as well, because a sender may
// stamp digits by another clock than its audio.
func (s *shard) tellDigits(c *call, now time.Duration) {
	masked := c.maskedAt(clock.Samples(now - c.epoch))
	for i, l := range c.legs {
		if l == nil || len(l.digits.pressed) == 0 {
			continue
		}
		for _, p := range l.digits.pressed {
			pos := p.Start - l.voice.course.Whole()
			digit := p.Digit()
			hidden := masked || c.maskedAt(pos)
			tell := digit != 0 && s.rules.ReportDigits && !hidden
			if tell {
				s.emitDigit(c, Leg(i), digit, pos)
			}
			if c.keys != nil && Leg(i) == Caller {
				c.keys.add(keyPress{pos: pos, digit: digit, told: tell, hidden: hidden})
			}
		}
		l.digits.pressed = l.digits.pressed[:0]
		l.digits.follow.Expire(now)
	}
}

// maskedAt reports whether any recording of the call is masked there.
func (c *call) maskedAt(pos int64) bool {
	for _, t := range c.tracks {
		if !t.committed && t.maskedAt(pos) {
			return true
		}
	}
	return false
}

package tones

import "time"

const (
	// remembered is how many presses are known at a time. A press and its pause
	// take 80 ms or more, so a packet would have to be 600 ms late to be unknown.
	remembered = 8
	// segment is the longest that one report can say (RFC 4733 §2.5.1.3).
	segment = 0xFFFF
	// lull ends a press of which nothing has been heard: RFC 4733 §2.5.2.2 waits
	// three packet intervals, and packets of 50 ms are the longest in use.
	lull = 200 * time.Millisecond
	// forget is when nothing late can come any more. A source that starts anew
	// may then begin anywhere.
	forget = 10 * time.Second
)

// Digits follows the telephone-event packets of one leg (RFC 4733) and says when
// a key is pressed: once, at the first packet that tells of it, whatever is lost,
// doubled or out of order after that. The zero value is ready.
//
// Two presses of one key are told apart by their timestamps. When the end of the
// first and the beginning of the second are both lost, and the pause that is left
// between them is under 40 ms, they count as one.
type Digits struct {
	presses [remembered]press
	n       int           // presses in use, in no order
	floor   int64         // reports that start up to here are of presses forgotten, if of none known
	floored bool          // there is a floor
	heard   time.Duration // arrival of the last good packet
	from    int64         // what the last packet told of
	to      int64
	stats   DigitStats
}

// press is what the packets have said of one press.
type press struct {
	Press
	last   int64 // start of its newest segment
	marked bool  // its first packet has been seen: nothing comes before it
	sealed bool  // its end has been seen: nothing comes after it
}

// DigitStats counts what Digits was given.
type DigitStats struct {
	Packets   uint64 // all of them
	Malformed uint64 // no events, half ones, or more than 8: ignored
	Empty     uint64 // reports of a key that has no duration: ignored (RFC 4733 §2.3.5)
	Late      uint64 // reports of presses too old to know whether they were told: ignored
}

// report is one event of a payload.
type report struct {
	event      uint8
	start, end int64
	marker     bool
	ended      bool
}

// IsEvents reports whether a payload has the size of telephone-events: of one to 8.
func IsEvents(payload []byte) bool {
	return len(payload) > 0 && len(payload)%4 == 0 && len(payload) <= 4*remembered
}

// Push takes the payload of one packet, with its RTP timestamp as a position, its
// marker bit and its arrival, and appends to dst the presses that it is the first
// to tell of. Their Length is what that packet said; Last knows more later.
//
// A payload packs several events when each begins where the one before ends.
func (d *Digits) Push(dst []Press, payload []byte, position int64, marker bool, arrival time.Duration) []Press {
	d.stats.Packets++
	d.from, d.to = 0, 0
	if !IsEvents(payload) {
		d.stats.Malformed++
		return dst
	}
	if arrival-d.heard > forget {
		*d = Digits{stats: d.stats}
	}
	d.heard = max(d.heard, arrival)
	for first := true; len(payload) > 0; payload = payload[4:] {
		r := report{
			event: payload[0], ended: payload[1]&0x80 != 0, marker: marker,
			start: position, end: position + int64(payload[2])<<8 + int64(payload[3]),
		}
		position, marker = r.end, false // the marker is that of the first event
		if r.end == r.start && int(r.event) < len(keys) {
			d.stats.Empty++
			continue
		}
		told := Press{Start: r.start, Length: r.end - r.start}
		if p := d.find(&r); p != nil {
			p.merge(&r)
			told = p.Press
		} else if d.floored && r.start <= d.floor {
			d.stats.Late++
		} else {
			dst = append(dst, d.add(&r))
		}
		if first {
			d.from, d.to, first = told.Start, told.End(), false
		}
		d.from, d.to = min(d.from, told.Start), max(d.to, told.End())
	}
	return dst
}

// find is the press that the report tells of, if it is known.
func (d *Digits) find(r *report) *press {
	var found *press
	for i := range d.presses[:d.n] {
		p := &d.presses[i]
		if p.Event != r.event {
			continue
		}
		if r.start == p.Start || r.start == p.last {
			return p
		}
		if p.tells(r) && (found == nil || p.Start > found.Start) {
			found = p
		}
	}
	return found
}

// tells says whether a report that starts elsewhere is of the same press: within
// it, the next segment after it, or one that came late from before it. Only the
// first segment is marked and only the last has an end (RFC 4733 §2.5.1.3), and
// what they say of the length may be lost. One leg has one tone at a time, so what
// lies within is never another press, whatever its marker.
func (p *press) tells(r *report) bool {
	if r.start < p.Start {
		return !p.marked && !r.ended && (p.Start-r.end < pause || p.Start-r.start == segment)
	}
	return r.start < p.End() || !p.sealed && !r.marker && (r.start-p.End() < pause || r.start-p.last == segment)
}

// merge adds what a report says to what is known.
func (p *press) merge(r *report) {
	start, end := min(p.Start, r.start), p.End()
	if !p.sealed {
		end = max(end, r.end)
	}
	p.marked = p.marked && p.Start == start || r.marker && r.start == start
	p.last = max(p.last, r.start)
	p.sealed = p.sealed || r.ended
	p.Ended = p.Ended || r.ended
	p.Start, p.Length = start, end-start
}

// add remembers a press nobody has told of. When the room is full, the one that
// starts first goes, and with it the knowledge of all up to its last segment.
func (d *Digits) add(r *report) Press {
	at := d.n
	if d.n < remembered {
		d.n++
	} else {
		at = 0
		for i := range d.presses {
			if d.presses[i].Start < d.presses[at].Start {
				at = i
			}
		}
		if last := d.presses[at].last; !d.floored || last > d.floor {
			d.floor, d.floored = last, true
		}
	}
	p := press{last: r.start, marked: r.marker, sealed: r.ended}
	p.Press = Press{Event: r.event, Start: r.start, Length: r.end - r.start, Ended: r.ended}
	d.presses[at] = p
	newest := d.newest()
	for i := range d.presses[:d.n] { // one key at a time: the next ends those before it
		d.presses[i].Ended = d.presses[i].Ended || i != newest
	}
	return d.presses[at].Press
}

// newest is the press that starts last; there is one.
func (d *Digits) newest() (at int) {
	for i := range d.presses[:d.n] {
		if d.presses[i].Start > d.presses[at].Start {
			at = i
		}
	}
	return at
}

// Last is the newest press as it is known by now, if there is one.
func (d *Digits) Last() (p Press, ok bool) {
	if d.n == 0 {
		return Press{}, false
	}
	return d.presses[d.newest()].Press, true
}

// Span is the part of the timeline covered by the presses that the last packet
// told of, as known by now: from there up to, and without, to. Both are 0 when it
// told of none.
func (d *Digits) Span() (from, to int64) { return d.from, d.to }

// Expire ends the newest press when nothing has been heard of the leg's keys for
// 200 ms: all packets that say so were lost. A packet that comes later still counts.
func (d *Digits) Expire(now time.Duration) {
	if d.n > 0 && now-d.heard >= lull {
		d.presses[d.newest()].Ended = true
	}
}

// Stats says what has been ignored.
func (d *Digits) Stats() DigitStats { return d.stats }

package recording

import (
	"errors"
	"slices"
	"time"

	"callrec/capture/clock"
	"callrec/codec"
	"callrec/upload/spool"
)

// track is one recording of a call, from armed to its end. Its positions are
// those of the call's timeline.
type track struct {
	id         string
	origin     string
	mediaName  string
	objectName string
	spec       Spec
	leg        Leg        // whose answer starts it
	callID     string     // of that leg, and
	owner      string     // its user, both as of when the recording was made
	called     Party      // as in Request
	facts      Facts      // as of its beginning
	dictation  *dictation // nil unless it is a record_caller
	created    time.Time
	order      int    // how many the call had before it
	after      string // id of the record_caller that it follows

	state  State
	reason string
	asked  int64 // not before this does it begin
	start  int64 // first sample, once begun
	stop   int64 // the sample after the last: the limit, until something ends it earlier
	edges  []edge
	begun  bool

	// The file. part is nil until the recording has begun.
	out       chain
	part      *spool.Part
	unsent    []byte // encoded, but the way to the disk was full
	debt      int64  // samples behind that: they become silence, later
	lost      int64  // samples that became silence so
	spent     bool   // the encoder has written its end
	committed bool   // the spool has all of it
	away      int64  // samples of silence because the worker was away
	clipped   uint64 // what the mixer had clipped before the recording began
	quality   *Quality
}

// edge is where masking begins or ends.
type edge struct {
	Pos int64 `json:"pos"`
	On  bool  `json:"on"`
}

// begin starts the file at pos. The edges noted while armed stay in force.
func (t *track) begin(pos int64) {
	t.begun = true
	t.place(pos)
	t.move(onBegin)
	if t.maskedAt(pos) {
		t.move(onMask)
	}
}

// place lets the file begin at pos and run to its limit.
func (t *track) place(pos int64) {
	t.start = pos
	t.stop = pos + int64(t.spec.limit)*clock.Rate
}

// changes reports whether a command with the instant pos may still change the
// recording: its end may be known already, but lies later.
func (t *track) changes(pos int64) bool {
	return t.state == Armed || (t.begun && !t.committed && pos < t.stop)
}

// move takes a trigger and reports whether it meant anything.
func (t *track) move(on trigger) bool {
	to, ok := next(t.state, on)
	t.state = to
	return ok
}

// mask notes that from pos on the recording is masked, or is not.
func (t *track) mask(pos int64, on bool) {
	at, _ := slices.BinarySearchFunc(t.edges, pos+1, func(e edge, p int64) int { return int(e.Pos - p) })
	t.edges = slices.Insert(t.edges, at, edge{pos, on})
	if !t.begun {
		return
	}
	if t.edges[len(t.edges)-1].On {
		t.move(onMask)
	} else {
		t.move(onUnmask)
	}
}

// maskedAt reports whether the sample at pos is hidden.
func (t *track) maskedAt(pos int64) bool {
	on := false
	for _, e := range t.edges {
		if e.Pos > pos {
			break
		}
		on = e.On
	}
	return on
}

// end ends the recording at pos, or earlier if that has been said before, or
// cancels it when it has not begun. It reports whether that is news.
func (t *track) end(pos int64, reason string) bool {
	if t.begun && !t.committed {
		if d := t.dictation; d != nil && (pos < t.stop || d.reason == "") {
			d.reason = reason
		}
		t.stop = min(t.stop, pos)
		t.start = min(t.start, t.stop)
	}
	if !t.move(onEnd) {
		return false
	}
	t.reason = reason
	return true
}

// length is that of the file so far decided.
func (t *track) length() time.Duration {
	if !t.begun || t.state.live() {
		return 0
	}
	return time.Duration(t.stop-t.start) * clock.Sample
}

// write takes what [pos, pos+len) of the timeline holds of the recording, mixed
// the way the track wants it: frames of the spec's channels at 8 kHz.
func (t *track) write(pos int64, pcm []int16, s *scratch) {
	ch := int64(t.spec.channels)
	from, to := max(pos, t.start), min(pos+int64(len(pcm))/ch, t.stop)
	for from < to {
		upTo, hidden := to, false
		for _, e := range t.edges {
			if e.Pos > from {
				upTo = min(upTo, e.Pos)
				break
			}
			hidden = e.On
		}
		stretch := pcm[(from-pos)*ch : (upTo-pos)*ch]
		if hidden {
			stretch = s.silence[:len(stretch)]
		}
		t.put(stretch, s)
		from = upTo
	}
	t.forget(to)
}

// forget drops edges that no later sample needs: all but the last before pos.
func (t *track) forget(pos int64) {
	n := 0
	for n+1 < len(t.edges) && t.edges[n+1].Pos <= pos {
		n++
	}
	t.edges = append(t.edges[:0], t.edges[n:]...)
}

// put encodes a stretch and hands it to the spool. When the disk is so far
// behind that the spool takes no more, the stretch is owed as silence.
func (t *track) put(pcm []int16, s *scratch) {
	if !t.settle(s) {
		n := int64(len(pcm) / t.spec.channels)
		t.debt += n
		t.lost += n
		return
	}
	s.encoded = t.out.append(s.encoded[:0], pcm, s)
	t.hand(s.encoded)
}

// settle writes what is owed, as far as there is room, and reports whether
// nothing is owed any more.
func (t *track) settle(s *scratch) bool {
	if len(t.unsent) > 0 {
		b := t.unsent
		t.unsent = t.unsent[:0]
		t.hand(b)
	}
	for t.debt > 0 && len(t.unsent) == 0 {
		n := min(t.debt, int64(len(s.silence)/t.spec.channels))
		s.encoded = t.out.append(s.encoded[:0], s.silence[:n*int64(t.spec.channels)], s)
		t.hand(s.encoded)
		t.debt -= n
	}
	return len(t.unsent) == 0
}

// hand gives bytes to the spool. Encoded bytes belong together, so what finds no
// room is kept and goes first the next time. A part whose disk has failed takes
// nothing more; the spool keeps and delivers what it has.
func (t *track) hand(b []byte) {
	if len(b) == 0 {
		return
	}
	switch err := t.part.Write(b); {
	case errors.Is(err, spool.ErrFull):
		t.unsent = append(t.unsent[:0], b...)
	case err != nil:
		t.reason = err.Error()
	}
}

// tags are what the finished file says about itself.
func (t *track) tags(c *call) codec.Tags {
	return codec.Tags{
		Title: t.mediaName, Date: c.wall(t.start).UTC().Format(time.RFC3339), CallID: t.callID,
		From: t.facts.From, To: t.facts.To, Comment: string(asJSON(t.quality)),
	}
}

// info is the track's immutable picture.
func (t *track) info(c *call) Info {
	i := Info{
		ID: t.id, Origin: t.origin, State: t.state, MediaName: t.mediaName, Format: t.spec.format,
		Rate: t.spec.rate, Channels: t.spec.channels, Length: t.length(), Reason: t.reason, Quality: t.quality,
		Caller: t.dictation != nil, Owner: t.owner, Leg: t.leg, CallID: t.callID, URL: t.spec.settings.URL, Object: t.objectName, Created: t.created,
	}
	if t.begun {
		i.Started = c.wall(t.start)
	}
	return i
}

package recording

import (
	"callrec/capture/clock"
	"callrec/capture/jitter"
	"callrec/codec/g711"
	"callrec/codec/plc"
	"callrec/codec/resample"
)

const (
	// ahead is how many samples of a leg are read beyond those handed out, 111 ms:
	// what concealment may still change, and what lies to the right of a position
	// between two samples.
	ahead = plc.Hold + resample.WarpAfter + 2

	// farthest is the longest jump, in samples: 45 ms.
	farthest = 360
	// margin is left silent on both sides of a jump.
	margin = 40

	// kept is how many samples go from one turn to the next: those read ahead, and
	// what a jump back in silence repeats. With a multiple of 32 before the next
	// sample, what passes untouched stays on the lines of the cache.
	kept = ahead + 448

	// roomForPCM holds the samples of one stretch, at any drift, with a jump.
	roomForPCM = kept + stretch + stretch/100 + ahead + farthest
)

// quiet is the loudest sample of a silence: -50 dB of full scale. Lines at rest
// are below it, voices above.
const quiet = 104

// voice is one leg's way from octets to samples on the call's timeline: decoded,
// what was lost concealed, and bent to follow the sender's clock. What passes it on
// a leg without loss and drift is what the sender sent.
type voice struct {
	buffer    *jitter.Buffer
	course    clock.Course
	conceal   plc.Concealer
	stream    uint64  // the buffer's, that the course follows
	read      int64   // position on the leg's own timeline: what lies before is in tail
	tail      []int16 // the newest samples read: kept of them, or none while nobody has listened
	concealed int64   // samples in gaps between packets that came
}

// ear is a shard's scratch for one leg at a time.
type ear struct {
	block *jitter.Block
	pcm   []int16 // the tail, and what is read after it
	bent  []int16 // samples of a bent course
	warp  *resample.Warp
}

func newEar(warp *resample.Warp) ear {
	return ear{
		block: jitter.NewBlock(stretch), pcm: make([]int16, 0, roomForPCM), bent: make([]int16, stretch), warp: warp,
	}
}

// hear returns the n samples of the leg from position pos of the call on. They lie
// in the ear until the next call with it. Positions follow each other.
func (v *voice) hear(pos, n int64, e *ear) []int16 {
	v.steer(pos, n)
	if v.tail == nil { // most of a leg's memory but its ring, and a call may never be answered
		v.tail = make([]int16, kept)
	}
	e.pcm = append(e.pcm[:0], v.tail...)
	v.fetch(pos+n+v.course.Whole()+stretchBy(v.course.Step(), n), e)
	v.follow() // that may have put another stream in its place, which must not be moved for this one
	out := e.bent[:n]
	at, jump, ok := v.whereToJump(pos, n, e)
	switch {
	case ok:
		v.bend(out[:at], pos, e)
		v.course.Jump(jump)
		v.course.Settle()
		v.buffer.Lean(v.course.Whole())
		v.fetch(pos+n+v.course.Whole()+stretchBy(v.course.Step(), n-at), e)
		v.bend(out[at:], pos+at, e)
	case v.course.Straight():
		from := v.index(pos<<32+v.course.Shift(), e) >> 32
		out = e.pcm[from : from+n]
	default:
		v.bend(out, pos, e)
	}
	copy(v.tail, e.pcm[len(e.pcm)-kept:])
	return out
}

// stretchBy is how many samples more than n a course takes from its leg for n
// samples of the call, rounded up.
func stretchBy(step, n int64) int64 { return (n*(step-clock.One) + clock.One - 1) >> 32 }

// index is where a position on the leg's own timeline lies in the ear.
func (v *voice) index(own int64, e *ear) int64 { return own - (v.read-int64(len(e.pcm)))<<32 }

// bend fills out with the samples from position pos of the call on, and moves the
// course along.
func (v *voice) bend(out []int16, pos int64, e *ear) {
	e.warp.Read(out, e.pcm, v.index(pos<<32+v.course.Shift(), e), v.course.Step())
	v.course.Advance(int64(len(out)))
}

// follow lets go of the course of a stream that another has followed: that one's
// place has been found anew, and what is still to be heard of the old one stays
// where it is.
func (v *voice) follow() {
	if s := v.buffer.Streams(); s != v.stream {
		v.stream = s
		v.course.Release()
	}
}

// steer lets the course follow the clock of the stream that the leg is made of.
func (v *voice) steer(pos, n int64) {
	v.follow()
	want, ppm, ok := v.buffer.Ahead(pos)
	v.course.Steer(want, ppm, ok, n)
	v.buffer.Lean(v.course.Whole())
}

// fetch reads the leg's own timeline up to a position, and what lies ahead of it,
// into the ear.
func (v *voice) fetch(upTo int64, e *ear) {
	upTo += ahead
	for v.buffer.Read(e.block, upTo) {
		at := len(e.pcm)
		e.pcm = e.pcm[:at+len(e.block.Octets)]
		v.read += int64(len(e.block.Octets))
		v.decode(e.pcm, at, e.block)
	}
}

// decode turns a block into samples from pcm[at] on.
func (v *voice) decode(pcm []int16, at int, blk *jitter.Block) {
	octets := blk.Octets
	for _, s := range blk.Spans {
		run := pcm[at : at+s.Len]
		switch {
		case s.Kind.Audio():
			g711.Decode(s.Kind.Law(), run, octets[:s.Len])
			v.conceal.Received(pcm, at, at+s.Len)
		case s.Kind == jitter.Lost:
			v.conceal.Lost(pcm, at, at+s.Len)
			v.concealed += int64(s.Len)
		default:
			clear(run)
			v.conceal.Received(pcm, at, at+s.Len)
		}
		octets = octets[s.Len:]
		at += s.Len
	}
}

// whereToJump looks for silence when the course has something to be rid of that is
// only done there. It returns how many samples come before the jump, and by how
// many samples to jump.
func (v *voice) whereToJump(pos, n int64, e *ear) (at, jump int64, ok bool) {
	due := min(max(v.course.Due(), -farthest), farthest)
	if due == 0 && !v.course.Loose() {
		return 0, 0, false
	}
	from := v.index(pos<<32+v.course.Shift(), e) >> 32
	begin := from
	for i := from; i < from+n; i++ {
		if x := e.pcm[i]; x > quiet || x < -quiet {
			begin = i + 1
			continue
		}
		if i-begin < max(due, -due)+2*margin {
			continue
		}
		if due < 0 { // what has just been handed out comes again
			return i - margin - from, due, true
		}
		return begin + margin - from, due, true
	}
	return 0, 0, false
}

// pass goes over the n samples of the leg from position pos of the call on, which
// nobody wants. What has been read already is heard: to go on behind it would move the leg.
func (v *voice) pass(pos, n int64, e *ear) {
	if v.read > pos+n+v.course.Whole() {
		v.hear(pos, n, e)
		return
	}
	v.skip(pos + n)
}

// skip passes over everything before position pos of the call unheard.
func (v *voice) skip(pos int64) {
	v.follow()
	v.course.Put(v.buffer.Ahead(pos))
	if behind := v.read - pos - v.course.Whole(); behind > 0 {
		v.course.Jump(behind) // what has been read is not had again; the next time it goes on
	}
	v.buffer.Lean(v.course.Whole())
	v.read = max(v.read, pos+v.course.Whole())
	v.buffer.Skip(v.read)
	clear(v.tail)
	v.conceal = plc.Concealer{}
}

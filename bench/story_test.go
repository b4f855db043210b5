package bench

import (
	"math"
	"strconv"
	"testing"
	"time"
)

// alawed is what becomes of each µ-law code word in A-law: the A-law value nearest
// to what it stands for (ITU-T G.711, table 1a, on the 16-bit scale), of two that are
// as near the one further from 0.
var alawed = func() (t [256]int16) {
	var values []int16
	for code := range 128 {
		v := int16(code&15)<<4 + 8
		if segment := code >> 4; segment > 0 {
			v = (v + 256) << (segment - 1)
		}
		values = append(values, v, -v)
	}
	for i, v := range expanded {
		best := math.MaxInt
		for _, a := range values {
			d := max(int(a)-int(v), int(v)-int(a))
			if d < best || (d == best && max(a, -a) > max(t[i], -t[i])) {
				best, t[i] = d, a
			}
		}
	}
	return t
}()

// part is what a leg's file holds of one talk: those of the packets [lo, hi) that
// were sent, as samples of the table.
type part struct {
	talk   *talk
	lo, hi int
	table  *[256]int16
}

// whole is a talk that is recorded from its first packet to its last.
func whole(k *talk) part { return part{k, 0, len(k.sent), &expanded} }

// loosely reports whether a packet was sent while its leg was being changed.
func loosely(at time.Time, loose []span) bool {
	for _, s := range loose {
		if at.After(s.from) && at.Before(s.to) {
			return true
		}
	}
	return false
}

// steady is the talk without what was sent while the leg was changed: what must be
// there, and can be used to find the rest.
func (p *part) steady(loose []span) *talk {
	k := *p.talk
	k.sent = make([]time.Time, len(p.talk.sent))
	for n := p.lo; n < p.hi; n++ {
		if at := p.talk.sent[n]; !loosely(at, loose) {
			k.sent[n] = at
		}
	}
	return &k
}

// isAt reports whether packet n lies at a position.
func (p *part) isAt(got []int16, pos, n int) bool {
	if pos < 0 || pos+frame > len(got) {
		return false
	}
	for i, o := range p.talk.payload(n) {
		if got[pos+i] != p.table[o] {
			return false
		}
	}
	return true
}

// inStep is how far the legs, which were sent at once, may be apart: 1 ms. Packets
// that wait for a busy machine come on top of it, which the tests log.
const inStep = 8

// busy is a lag of the sender at which the SBC, too, loses and delays packets.
const busy = 100 * time.Millisecond

// A stream that takes over in mid-call is found as near to its place as its packets of
// one second tell: within 2 ms; 20 ms where the SBC makes the packets itself, by timers
// of its own, and later. When it is held up as it sends the first of those, it sends all
// of them as late: nobody can tell, and the story has to be told again.
const (
	found     = 16
	foundLate = 160
	heldUp    = int(busy / sample)
)

// heard compares a leg with its parts, sample by sample. What was sent while it was
// being changed may be missing; that is counted. places is where tick 0 of the call
// lies by each part, packets how many of them are there.
func (f *forked) heard(t *testing.T, leg int, got []int16, began time.Time, parts []part) (want *channel, places []int, packets, missing int) {
	t.Helper()
	want = newChannel(len(got))
	name := f.ab[leg].name
	there := map[time.Time]bool{} // by when they were sent: no two at once
	offsets := make([]int, len(parts))
	for i, p := range parts {
		k := p.steady(f.loose[leg])
		k.table = p.table
		var off int
		offsets[i], off = k.locate(got, began, p.lo, p.hi, heldUp+foundLate)
		t.Logf("%s: part %d is %d samples from when it was sent; sender's worst lag %v", name, i, off, p.talk.lag())
		places = append(places, offsets[i]-p.talk.began*frame)
		for n := p.lo; n < p.hi; n++ {
			at := p.talk.sent[n]
			pos := offsets[i] + n*frame
			if at.IsZero() || (loosely(at, f.loose[leg]) && !p.isAt(got, pos, n)) {
				continue
			}
			k.sent[n] = at
			if pos+frame > 0 && at.Before(f.ended.Add(-settles)) {
				packets++
			}
			there[at] = true
		}
		k.lay(want, offsets[i], p.lo, p.hi)
	}
	absent := map[time.Time]bool{}
	for i, p := range parts {
		for n := p.lo; n < p.hi; n++ {
			if at := p.talk.sent[n]; !at.IsZero() && !there[at] {
				absent[at] = true
				want.spare(got, offsets[i]+n*frame, frame)
			}
		}
	}
	return want, places, packets, len(absent)
}

// spare takes n samples as they are: there it is not said what they should be.
func (c *channel) spare(got []int16, at, n int) {
	for p := max(at, 0); p < min(at+n, len(got)); p++ {
		if !c.there[p] {
			c.pcm[p], c.there[p] = got[p], true
		}
	}
}

// concealed is how far into a gap what was lost is made up for: 60 ms.
const concealed = 480

// spareGaps spares both ends of each gap in a part.
func (c *channel) spareGaps(got []int16, p part, place int) {
	last := -1
	for n := p.lo; n < p.hi; n++ {
		if p.talk.sent[n].IsZero() {
			continue
		}
		if last >= 0 && n > last+1 {
			from, to := place+(last+1)*frame, place+n*frame
			c.spare(got, from, min(concealed, to-from))
			c.spare(got, max(from, to-concealed), min(concealed, to-from))
		}
		last = n
	}
}

// story is one thing that happens to a forked call, and what has to be on the two
// legs then.
type story struct {
	name     string
	seconds  float64 // of talk prepared for each party
	tell     func(f *forked) (legs [2][]part)
	conceals bool // packets are lost before the SBC
	foreign  bool // for a moment the SBC sends twice
	digits   int  // keys that the caller presses
	late     bool // the SBC makes packets of its own
}

// judge compares the files with what each leg said. again: every sample is there, but
// the SBC was held up, and where they lie says nothing.
func (f *forked) judge(t *testing.T, s *story, legs [2][]part) (again bool) {
	t.Helper()
	for _, a := range f.ab {
		if lag := a.talk.lag(); lag > busy {
			t.Skipf("the machine is too busy: the sender lagged %v behind", lag)
		}
	}
	stereo := f.w.fetch(f.call.Recordings[0].ID, 15*time.Second)
	mono := f.w.fetch(f.call.Recordings[1].ID, 15*time.Second)
	if stereo.channels != 2 || mono.channels != 1 {
		t.Fatalf("%d and %d channels", stereo.channels, mono.channels)
	}
	n := len(mono.pcm)
	if length := f.ended.Sub(f.began).Seconds() * 8000; math.Abs(float64(n)-length) > 1 {
		t.Errorf("the file has %d samples, the call lasted %.1f", n, length)
	}
	var want [2]*channel
	var places [2][]int
	for leg, parts := range legs {
		got := stereo.leg(leg)
		var packets, missing int
		want[leg], places[leg], packets, missing = f.heard(t, leg, got, stereo.Started, parts)
		if s.conceals {
			want[leg].spareGaps(got, parts[0], places[leg][0])
		}
		wantSame(t, f.ab[leg].name, got, want[leg].pcm)
		q := stereo.Quality.Legs[leg]
		t.Logf("%s: %d packets there, %d missing around changes; quality %+v", f.ab[leg].name, packets, missing, q)
		// A packet may be lost in a change, where the SBC sends none, or from a source that may not speak yet.
		lost := q.Lost > missing
		if s.conceals && leg == 0 {
			lost = q.Lost == 0
		}
		if q.Digits != s.digits*(1-leg) || q.Packets < packets || lost || q.Late+q.Ignored > 0 || (q.Foreign > 0 && !s.foreign) {
			t.Errorf("%s: quality %+v of %d packets", f.ab[leg].name, q, packets)
		}
	}
	if again = s.late && delayed(places); !again {
		wantInStep(t, s, places)
	}
	wantSame(t, "mix", mono.pcm, sum(want[0].pcm, want[1].pcm))
	// What is no media, foreign or useless was a report that was understood.
	reports := f.w.fate("received") - f.w.fate("rtp") - f.w.fate("foreign") - f.w.fate("ignored")
	if least := 2 * (math.Floor(f.ended.Sub(f.began).Seconds()) - 3); reports < least {
		t.Errorf("%v sender reports, want at least %v", reports, least)
	}
	for _, a := range f.ab {
		if heard := a.heard.Load(); heard < 30 {
			t.Errorf("%s heard %d packets: the SBC does not carry the call", a.name, heard)
		}
	}
	return again
}

// delayed reports whether the packets that the SBC makes are those of one that was held
// up: on one leg, or on both.
func delayed(places [2][]int) bool {
	last := len(places[0]) - 1
	caller, callee := places[0][last]-places[0][0], places[1][last]-places[1][0]
	late, apart := max(caller, callee), max(caller-callee, callee-caller)
	return (late > foundLate || apart > found) && late <= heldUp && min(caller, callee) >= -found
}

// wantInStep compares where the parts of the legs lie.
func wantInStep(t *testing.T, s *story, places [2][]int) {
	t.Helper()
	most := found
	if s.late {
		most = foundLate
	}
	for leg, all := range places {
		for i, at := range all {
			if moved := at - all[0]; moved > most || moved < -most {
				t.Errorf("leg %d: part %d is %d samples from where the first was", leg, i, moved)
			}
		}
	}
	for i := range min(len(places[0]), len(places[1])) {
		apart := places[1][i] - places[0][i]
		t.Logf("part %d: the legs are %.3f ms apart, they were sent in step", i, float64(apart)/8)
		if most := inStep + i*(found-inStep); apart > most || apart < -most {
			t.Errorf("part %d: the legs are %.3f ms apart", i, float64(apart)/8)
		}
	}
}

// until is the first packet that was sent after an instant.
func (k *talk) until(at time.Time) int {
	for n, sent := range k.sent {
		if sent.After(at) {
			return n
		}
	}
	return len(k.sent)
}

// straight is that each party's talk is on its leg.
func (f *forked) straight() (legs [2][]part) {
	for i, a := range f.ab {
		legs[i] = []part{whole(a.talk)}
	}
	return legs
}

// A call that a real SBC forks to the worker is recorded, both parties, byte for byte,
// whatever happens to the call meanwhile: each word where it was said, the file as
// long as the call to the sample.
func TestRTPEngine(t *testing.T) {
	t.Parallel()
	for i, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			const tries = 3
			for again, n := true, 1; again; n++ {
				if n > tries {
					t.Fatalf("in %d runs of as many the SBC's packets are late", tries)
				}
				t.Run(strconv.Itoa(n), func(t *testing.T) {
					again = false // should it end early
					seed := uint64(100 + 2*i)
					f := startForked(t, "story", 26000+80*i, [2]*talk{newTalk(seed, s.seconds), newTalk(seed+1, s.seconds)})
					f.talkFor(300*time.Millisecond, nil)
					f.talkFor(1200*time.Millisecond, f.fork)
					legs := s.tell(f)
					f.talkFor(300*time.Millisecond, f.hangup)
					again = f.judge(t, &s, legs)
				})
			}
		})
	}
}

package recording

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"callrec/capture/clock"
	"callrec/capture/jitter"
	"callrec/codec/g711"
	"callrec/codec/resample"
)

// speaker is a leg that is sent octets at their time, without a network between.
type speaker struct {
	voice voice
	ear   ear
	pos   int64
}

func newSpeaker() *speaker {
	s := &speaker{ear: newEar(resample.NewWarp())}
	s.voice.buffer = jitter.New(jitter.NewPool(time.Second), 0)
	return s
}

// packet arrives when its first sample, at a position of the call, has been said.
func (s *speaker) packet(ssrc uint32, seq uint16, at int64, octets []byte) {
	h := rtp.Header{SSRC: ssrc, SequenceNumber: seq, Timestamp: uint32(at) + ssrc<<20}
	s.voice.buffer.Push(&h, octets, g711.MuLaw, time.Duration(at)*clock.Sample)
}

// hear is the next stretch.
func (s *speaker) hear() []int16 {
	pcm := s.voice.hear(s.pos, stretch, &s.ear)
	s.pos += stretch
	return pcm
}

// A jump leaves out silence, or repeats it, and never a sample of what is said,
// however short the pauses are.
func TestJumpsKeepToSilence(t *testing.T) {
	const length, from = 6 * clock.Rate, 2 * clock.Rate / stretch * stretch
	jumps := [2]int{}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 3))
		octets := make([]byte, length) // bursts that no other is like, and pauses
		for at := 0; at < length; {
			for range min(length-at, 1+r.IntN(300)) {
				octets[at] = byte(r.IntN(2)<<7 | r.IntN(64)) // 891 and more of 32768
				at++
			}
			for range min(length-at, 1+r.IntN(900)) {
				octets[at] = 0xFF
				at++
			}
		}
		sent := make([]int16, length)
		g711.Decode(g711.MuLaw, sent, octets)
		s := newSpeaker()
		due := float64((4 + r.IntN(farthest-4)) * (1 - 2*r.IntN(2))) // the bound of a jump is not reached
		next := int64(0)
		var got []int16
		for s.pos < length-2*clock.Rate {
			for ; next < min(s.pos+stretch+clock.Rate+ahead, length-159); next += 160 {
				s.packet(1, uint16(next/160), next, octets[next:next+160])
			}
			if s.pos == from {
				s.voice.course.Steer(due, 0, true, 0)
			}
			got = append(got, s.hear()...)
		}
		moved := s.voice.course.Whole()
		if moved == 0 {
			continue // no pause was long enough
		}
		if moved != int64(due) {
			t.Errorf("seed %d: moved by %d, want %v", seed, moved, due)
		}
		if moved > 0 {
			jumps[0]++
		} else {
			jumps[1]++
		}
		said := func(pcm []int16) (loud []int16) {
			for _, x := range pcm {
				if x != 0 {
					loud = append(loud, x)
				}
			}
			return loud
		}
		if heard, want := said(got), said(sent[:len(got)+int(moved)]); !slices.Equal(heard, want) {
			t.Fatalf("seed %d, moved by %d: %d samples were said, and %d heard that are not they", seed, moved, len(want), len(heard))
		}
	}
	if jumps[0] < 10 || jumps[1] < 10 {
		t.Errorf("%d jumps forward and %d back: too few to tell", jumps[0], jumps[1])
	}
}

// A stream that is put in its place while the leg still jumps for the one before
// is not moved with it.
func TestJumpDoesNotMoveTheNextStream(t *testing.T) {
	for _, due := range []float64{-300, -40, 40, 300} {
		for begin := int64(3 * clock.Rate); begin < 3*clock.Rate+2*stretch; begin += 80 {
			s := newSpeaker()
			octets := make([]byte, 160)
			var got []int16
			for next := int64(0); s.pos < begin+clock.Rate; {
				for ; next < s.pos+stretch+clock.Rate+ahead; next += 80 {
					switch {
					case next < begin-1600 && next%160 == 0: // silence
						for i := range octets {
							octets[i] = 0xFF
						}
						s.packet(1, uint16(next/160), next, octets)
					case next >= begin && (next-begin)%160 == 0:
						for i := range octets {
							octets[i] = 0x10
						}
						s.packet(2, uint16(next/160), next, octets)
					}
				}
				if s.pos == 14*stretch && s.voice.buffer.Streams() == 1 {
					s.voice.course.Steer(due, 0, true, 0)
				}
				got = append(got, s.hear()...)
			}
			first := int64(0)
			for first < int64(len(got)) && got[first] == 0 {
				first++
			}
			if first != begin {
				t.Errorf("due %v: a stream that began at %d is heard from %d", due, begin, first)
			}
		}
	}
}

// A stream that follows another does not inherit its drift: its clock is not known yet.
func TestDriftIsOfOneStream(t *testing.T) {
	s := newSpeaker()
	octets := make([]byte, 160)
	for next := int64(0); s.pos < 6*clock.Rate; {
		for ; next < s.pos+stretch+clock.Rate+ahead; next += 160 {
			if ssrc := uint32(1 + next/(3*clock.Rate)); ssrc <= 2 {
				s.packet(ssrc, uint16(next/160), next, octets)
			}
		}
		before := s.voice.buffer.Streams()
		s.hear()
		switch {
		case before == 0 && s.voice.buffer.Streams() == 1:
			s.voice.course.Steer(2*clock.DeadBand, 300, true, 60*clock.Rate)
			if s.voice.course.Step() == clock.One {
				t.Fatal("the course does not bend")
			}
		case s.voice.buffer.Streams() == 2 && s.voice.course.Step() != clock.One:
			t.Fatalf("at %d the course still bends", s.pos)
		}
	}
	if s.voice.buffer.Streams() != 2 {
		t.Errorf("%d streams, want 2", s.voice.buffer.Streams())
	}
}

// What was said while nobody listened is not heard later, as the voice that is led
// into a gap soon after.
func TestNothingUnheardIsLedIntoAGap(t *testing.T) {
	s := newSpeaker()
	loud, silent := make([]byte, 160), bytes.Repeat([]byte{0xFF}, 160)
	for i := range loud {
		loud[i] = byte(i * 37)
	}
	begin := int64(2 * clock.Rate)
	for next := int64(0); s.pos < 3*clock.Rate; {
		for ; next < s.pos+stretch+clock.Rate+ahead; next += 160 {
			switch {
			case next < begin:
				s.packet(1, uint16(next/160), next, loud)
			case next == begin: // less than a voice is followed by
				s.packet(1, uint16(next/160), next, silent[:40])
			case next >= begin+480: // three were lost between
				s.packet(1, uint16(next/160+1), next, silent)
			}
		}
		if s.pos >= begin-stretch && s.pos < begin {
			s.pos = begin
			s.voice.skip(begin)
			continue
		}
		for i, x := range s.hear() {
			if at := s.pos - stretch + int64(i); at >= begin && x != 0 {
				t.Fatalf("sample %d is %d, want silence", at, x)
			}
		}
	}
	if s.voice.concealed != 440 {
		t.Errorf("%d samples concealed, want 440", s.voice.concealed)
	}
}

// A stream that begins while the leg's own timeline is ahead of the call's, or behind
// it, is heard when it was said.
func TestStreamsBeginOnACourse(t *testing.T) {
	octets := make([]byte, 160) // the loudest there is
	for _, shift := range []int64{-300, 5, 300} {
		s := newSpeaker()
		s.voice.course.Jump(shift)
		begin := [2]int64{clock.Rate, 4 * clock.Rate} // for a second each
		var got []int16
		for next := int64(0); s.pos < 6*clock.Rate; got = append(got, s.hear()...) {
			for ; next < s.pos+stretch+clock.Rate+ahead; next += 160 {
				for i, from := range begin {
					if next >= from && next < from+clock.Rate {
						s.packet(uint32(1+i), uint16(next/160), next, octets)
					}
				}
			}
		}
		for at, x := range got {
			said := false
			for _, from := range begin {
				said = said || int64(at) >= from && int64(at) < from+clock.Rate
			}
			if said != (x != 0) {
				t.Fatalf("shifted by %d: sample %d is %d, said %v", shift, at, x, said)
			}
		}
	}
}

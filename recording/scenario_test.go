package recording_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"

	"callrec/codec/g711"
	"callrec/codec/plc"
	"callrec/recording"
)

// scenario is one way in which a call's media come in, and what has to be made of
// it: a stereo file as long as the call, in which every sample of each leg is the
// one that was said at that instant, or silence.
type scenario struct {
	name   string
	source string                    // whose complaint or habit it is
	legs   [2]func(*sender)          // caller, callee; nil talks all the time, as one would wish
	length time.Duration             // of the call; 0 means 12 s
	spec   func(*recording.CallSpec) // what the announcement says besides
	masked [2]time.Duration          // from, to; both zero: never
	want   [2]counts                 // of the quality record
}

// counts are what a leg's quality record has to say; nothing is left out, so that
// a case that names no counts says that there are none.
type counts struct {
	lost, late, duplicate, reordered, foreign, ignored, changes uint64
	noMedia                                                     bool
}

// never is the script of a party that sends nothing.
func never(*sender) {}

// sender is one party, as a script drives it. What it says at each instant is
// given, and so unlike what it says at any other that a sample tells when it was
// said; the script decides how that is packed, and what becomes of the packets.
type sender struct {
	w    *world
	leg  int
	port uint16
	from netip.AddrPort

	at    int                  // the call's sample that it says next
	next  rtp.Header           // of its next packet; the marker is for that one only
	law   g711.Law             // of what it says
	size  int                  // samples a packet
	delay func() time.Duration // of the network, for each packet; nil: none
	dress func(*rtp.Packet)    // what else packets carry; nil: nothing
	spoil func([]byte)         // what is done to the bytes of packets; nil: nothing

	shift int // how many samples later than said it has to be heard
	truth *truth
}

// truth is what has to be heard of a leg, or of the part of it that is recorded.
type truth struct {
	from  int // the call's sample that it begins with
	pcm   []int16
	loose []bool  // here it is not said: concealment
	said  []int16 // what the party says, heard or not
}

// samples is a time in samples.
func samples(d time.Duration) int { return int(d * rate / second) }

// said is what a leg's party says from a sample on: octets of any value.
func said(leg, at, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		x := uint64(at+i)*0x9E3779B97F4A7C15 + uint64(leg+1)*0xD1B54A32D192ED03
		x ^= x >> 29
		x *= 0xBF58476D1CE4E5B9
		b[i] = byte(x >> 40)
	}
	return b
}

// talk is packets for a time; the last may be shorter than the others.
func (s *sender) talk(d time.Duration) {
	for end := s.at + samples(d); s.at < end; {
		s.packet(min(s.size, end-s.at))
	}
}

// packet is one packet of n samples, which has to be heard.
func (s *sender) packet(n int) {
	octets := said(s.leg, s.at, n)
	s.truth.hear(s.at+s.shift, octets, s.law)
	s.emit(octets, s.next.PayloadType, s.next.Timestamp)
	s.move(n)
}

// lose is talk that the network takes: its numbers are used up.
func (s *sender) lose(d time.Duration) {
	n := samples(d)
	s.truth.lose(s.at+s.shift, n)
	s.next.SequenceNumber += uint16((n + s.size - 1) / s.size)
	s.move(n)
}

// quiet is a time in which it sends nothing and its clock goes on.
func (s *sender) quiet(d time.Duration) {
	s.move(samples(d))
	s.next.Marker = true
}

// stand is a time in which its clock stands still.
func (s *sender) stand(d time.Duration) { s.at += samples(d) }

// again makes it another stream: as a sender that has just begun.
func (s *sender) again(ssrc uint32) {
	s.next.SSRC, s.next.SequenceNumber, s.next.Timestamp = ssrc, uint16(ssrc*7919), ssrc*2654435761
}

func (s *sender) move(n int) {
	s.at += n
	s.next.Timestamp += uint32(n)
}

// emit sends a payload now, under the next number.
func (s *sender) emit(payload []byte, pt uint8, ts uint32) {
	s.w.t.Helper()
	p := rtp.Packet{Header: s.next, Payload: payload}
	p.PayloadType, p.Timestamp = pt, ts
	if s.dress != nil {
		s.dress(&p)
	}
	b, err := p.Marshal()
	if err != nil {
		s.w.t.Fatal(err)
	}
	if s.spoil != nil {
		s.spoil(b)
	}
	at := time.Duration(s.at) * second / rate
	if s.delay != nil {
		at += s.delay()
	}
	s.w.push(s.port, s.from, at, b)
	s.next.SequenceNumber++
	s.next.Marker = false
}

func (t *truth) hear(at int, octets []byte, law g711.Law) {
	pcm := make([]int16, len(octets))
	g711.Decode(law, pcm, octets)
	at -= t.from
	pcm = pcm[min(max(-at, 0), len(pcm)):]
	copy(t.pcm[min(max(at, 0), len(t.pcm)):], pcm)
}

// lose lets a gap be anything, as far as concealment goes into it from both sides.
func (t *truth) lose(at, n int) {
	t.ease(at, at+min(n, plc.Reach))
	t.ease(at+max(0, n-plc.Reach), at+n)
}

func (t *truth) ease(from, to int) {
	for i := max(from-t.from, 0); i < min(to-t.from, len(t.loose)); i++ {
		t.loose[i] = true
	}
}

// check compares a leg of a file with the truth.
func (t *truth) check(tb testing.TB, name string, got []int16) {
	tb.Helper()
	if len(got) != len(t.pcm) {
		tb.Errorf("%s: %d samples, want %d", name, len(got), len(t.pcm))
		return
	}
	bad, first := 0, 0
	for i, x := range got {
		if !t.loose[i] && x != t.pcm[i] {
			if bad++; bad == 1 {
				first = i
			}
		}
	}
	if bad == 0 {
		return
	}
	tb.Errorf("%s: %d samples are wrong, the first at %.3f s: got %d, want %d%s", name, bad,
		float64(t.from+first)/rate, got[first], t.pcm[first], t.whence(got[first:]))
	for i := first; i < len(got); i += rate / 4 { // a picture of the rest
		tb.Logf("at %.3f s%s", float64(t.from+i)/rate, t.whence(got[i:]))
	}
}

// whence says when what is heard was said.
func (t *truth) whence(heard []int16) string {
	const enough = 12
	if len(heard) < enough {
		return ""
	}
	for i := 0; i+enough <= len(t.said); i++ {
		if [enough]int16(t.said[i:]) == [enough]int16(heard) {
			return fmt.Sprintf("; heard is what was said at %.3f s", float64(t.from+i)/rate)
		}
	}
	if [enough]int16(heard) == [enough]int16{} {
		return "; heard is silence"
	}
	return "; what is heard was never said"
}

// play runs scenarios, each as a call of a worker of its own.
func play(t *testing.T, scenarios []scenario) {
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) { sc.play(t, w) })
		})
	}
}

func (sc *scenario) play(t *testing.T, w *world) {
	if sc.length == 0 {
		sc.length = 12 * second
	}
	spec := callSpec("c", request(t, `{"channels":"stereo"}`))
	if sc.spec != nil {
		sc.spec(&spec)
	}
	info, _, err := w.m.Announce(w.t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	var truths [2]*truth
	for i, script := range sc.legs {
		truths[i] = w.script(info, i, 0, samples(sc.length), script)
	}
	if sc.masked[1] > 0 {
		w.sleep(sc.masked[0])
		w.do("c", recording.Command{Action: recording.Mask})
		w.sleep(sc.masked[1] - sc.masked[0])
		w.do("c", recording.Command{Action: recording.Unmask})
		for _, truth := range truths {
			clear(truth.pcm[samples(sc.masked[0]):samples(sc.masked[1])])
		}
	}
	w.sleep(sc.length - sc.masked[1])
	w.do("c", recording.Command{Action: recording.Hangup})
	f := w.file(info.Recordings[0].ID)
	for i, got := range parted(f.wav(t, rate, 2)) {
		truths[i].check(t, recording.Leg(i).String(), got)
	}
	now, _ := w.m.Info(info.Spec.ID)
	for i, q := range now.Recordings[0].Quality.Legs {
		got := counts{q.Lost, q.Late, q.Duplicate, q.Reordered, q.Foreign, q.Ignored, q.SSRCChanges, q.NoMedia}
		if got != sc.want[i] {
			t.Errorf("%v: counted %+v, want %+v", recording.Leg(i), got, sc.want[i])
		}
		if q.CorrectedMS != 0 {
			t.Errorf("%v: moved by %v ms", recording.Leg(i), q.CorrectedMS)
		}
	}
}

// script lets a leg's party send what it will in the whole call, and returns what has
// to be heard of it from one of the call's samples to another. Without a script it
// talks all the time.
func (w *world) script(info recording.CallInfo, leg, from, to int, script func(*sender)) *truth {
	n := to - from
	truth := &truth{from: from, pcm: make([]int16, n), loose: make([]bool, n), said: make([]int16, n)}
	s := &sender{
		w: w, leg: leg, port: info.Legs[leg].Ports.RTP, size: 160, truth: truth,
		from: []netip.AddrPort{callerFrom, calleeFrom}[leg],
		next: rtp.Header{Version: 2, SSRC: uint32(100 + leg), SequenceNumber: uint16(31000 + leg), Timestamp: uint32(4e9) + uint32(leg)},
	}
	if script == nil {
		script = func(s *sender) { s.talk(time.Duration(to) * second / rate) }
	}
	script(s)
	g711.Decode(s.law, truth.said, said(s.leg, from, n))
	return truth
}

// parted are the two channels of a stereo file.
func parted(stereo []int16) (legs [2][]int16) {
	for i, x := range stereo {
		legs[i%2] = append(legs[i%2], x)
	}
	return legs
}

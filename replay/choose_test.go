package replay

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestLegsAreFound(t *testing.T) {
	at := netip.MustParseAddrPort
	a := stream{from: fromA, to: toA, octets: noise(5*rate, 1), ssrc: 1}
	b := stream{from: fromB, to: toB, octets: noise(4*rate, 2), ssrc: 2, at: 500 * ms}
	with := func(s stream, change func(*stream)) stream { change(&s); return s }
	ringback := stream{from: fromB, to: toC, octets: noise(rate/4, 3), ssrc: 3}
	rtcp := sent{at: 10 * ms, from: fromA, to: at("192.0.2.20:20001"), data: append([]byte{0x80, 200, 0, 6}, make([]byte, 24)...)}
	dns := sent{at: 10 * ms, from: fromA, to: at("192.0.2.20:53"), data: append([]byte{0x80, 0, 1, 0}, make([]byte, 24)...)}
	for _, c := range []struct {
		name     string
		streams  []stream
		more     []sent
		asked    []netip.AddrPort
		legs     [2]netip.AddrPort
		why      string // of the legs, or of the error
		unclear  bool
		fromHere bool
	}{
		{name: "two", streams: []stream{a, b}, more: []sent{rtcp, dns}, legs: [2]netip.AddrPort{toA, toB}, why: "the caller is the one sent to the lower"},
		{name: "two, the second first", streams: []stream{with(a, func(s *stream) { s.at = 2400 * ms }), b}, legs: [2]netip.AddrPort{toB, toA}, why: "begins 1.9 s earlier"},
		{name: "one", streams: []stream{b}, legs: [2]netip.AddrPort{toB}, why: "the other leg is missing"},
		{name: "a leg whose SSRC changes", streams: []stream{
			with(a, func(s *stream) { s.octets = s.octets[:rate] }), with(a, func(s *stream) { s.ssrc, s.at = 9, second }), b,
		}, legs: [2]netip.AddrPort{toA, toB}, why: "the only two"},
		{name: "two and a tone", streams: []stream{a, b, ringback}, legs: [2]netip.AddrPort{toA, toB}, why: "by far the most audio of 3"},
		{name: "three", streams: []stream{a, b, with(a, func(s *stream) { s.to = toC })}, unclear: true, why: "3 streams could be"},
		{name: "three, two of them named", streams: []stream{a, b, with(a, func(s *stream) { s.to = toC })}, asked: []netip.AddrPort{toC, toB}, legs: [2]netip.AddrPort{toC, toB}, why: "named"},
		{name: "named by source", streams: []stream{a, with(b, func(s *stream) { s.to = toA })}, asked: []netip.AddrPort{fromB, fromA}, legs: [2]netip.AddrPort{fromB, fromA}, why: "named", fromHere: true},
		{name: "one named", streams: []stream{a, b}, asked: []netip.AddrPort{toB}, legs: [2]netip.AddrPort{toB}, why: "named"},
		{name: "named, but not there", streams: []stream{a, b}, asked: []netip.AddrPort{toC}, unclear: true, why: "no packet was sent to 192.0.2.20:20004"},
		{name: "named twice", streams: []stream{a, b}, asked: []netip.AddrPort{toA, toA}, why: "as both legs"},
		{name: "three named", streams: []stream{a, b}, asked: []netip.AddrPort{toA, toB, toC}, why: "cannot record 3 legs"},
		{name: "one call after the other", streams: []stream{a, with(b, func(s *stream) { s.at = 10 * second })}, unclear: true, why: "not of one time"},
		{name: "no G.711", streams: []stream{with(a, func(s *stream) { s.pt = 9 }), with(b, func(s *stream) { s.pt = 111 })}, unclear: true, why: "no G.711"},
		{name: "nothing", more: []sent{rtcp, dns}, unclear: true, why: "no RTP"},
		{name: "four packets", streams: []stream{with(a, func(s *stream) { s.octets = s.octets[:4*size] })}, unclear: true, why: "no RTP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Look(bytes.NewReader(captureOf(append(traffic(c.streams...), c.more...))), c.asked)
			if err != nil {
				t.Fatal(err)
			}
			legs, err := s.Choose()
			if c.legs == ([2]netip.AddrPort{}) {
				var unclear *UnclearError
				if err == nil || !strings.Contains(err.Error(), c.why) || errors.As(err, &unclear) != c.unclear {
					t.Errorf("%v; want %q", err, c.why)
				}
				if c.unclear && len(unclear.Streams) != len(s.Streams()) {
					t.Errorf("%d of %d streams are listed", len(unclear.Streams), len(s.Streams()))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, l := range legs.Leg {
				if l.Addr != c.legs[i] || l.Source != (c.fromHere && l.Addr.IsValid()) {
					t.Errorf("leg %d is %v (source %v), want %v", i, l.Addr, l.Source, c.legs[i])
				}
			}
			if !strings.Contains(legs.Why, c.why) {
				t.Errorf("because %q, want %q", legs.Why, c.why)
			}
		})
	}
}

// The list says what is needed to name a leg.
func TestCandidatesAreListed(t *testing.T) {
	s, err := Look(bytes.NewReader(captureOf(traffic(stream{from: fromA, to: toA, octets: noise(2*rate, 1), ssrc: 0xabcdef01, pt: 9}))), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Choose()
	const want = "\n  to 192.0.2.20:20000 from 198.51.100.7:30010: SSRC abcdef01, 100 packets in 2.0 s, payload type 9, 0.0 s of G.711"
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v; want it to end in %s", err, want)
	}
}

// RTCP is on the port above, unless that is the other leg's.
func TestMatch(t *testing.T) {
	at := netip.MustParseAddrPort
	l := Legs{Leg: [2]Leg{{Addr: at("192.0.2.1:4000")}, {Addr: at("192.0.2.1:4001"), Source: true}}}
	for _, c := range []struct {
		src, dst string
		leg      int
		rtcp, ok bool
	}{
		{"192.0.2.9:1", "192.0.2.1:4000", 0, false, true},
		{"192.0.2.9:1", "192.0.2.1:4001", 0, true, true},
		{"192.0.2.1:4001", "192.0.2.1:4001", 1, false, true},
		{"192.0.2.1:4002", "192.0.2.9:9", 1, true, true},
		{"192.0.2.1:4000", "192.0.2.9:9", 0, false, false},
	} {
		leg, rtcp, ok := l.match(at(c.src), at(c.dst))
		if int(leg) != c.leg || rtcp != c.rtcp || ok != c.ok {
			t.Errorf("from %s to %s: leg %v, RTCP %v, %v", c.src, c.dst, leg, rtcp, ok)
		}
	}
	if _, _, ok := (&Legs{}).match(netip.AddrPort{}, netip.AddrPort{}); ok {
		t.Error("a leg that is not there matched")
	}
}

// What is no stream is forgotten: a capture of everything takes bounded memory.
func TestSurveyIsBounded(t *testing.T) {
	packets := traffic(stream{from: fromA, to: toA, octets: noise(5*rate, 1), ssrc: 1})
	for i := range 3 * mostFlows {
		to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}), 9)
		packets = append(packets, sent{at: 6 * second, from: fromA, to: to, data: append([]byte{0x80, 0}, make([]byte, 20)...)})
	}
	for i := range 100 * mostStreams {
		packets = append(packets, sent{at: 7 * second, from: fromA, to: toA, data: append([]byte{0x80, 0, 0, 0, 0, 0, 0, 0, 9, 9, byte(i >> 8), byte(i)}, 1)})
	}
	s, err := Look(bytes.NewReader(captureOf(packets)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.flows) > mostFlows || len(s.flows[toA]) > mostStreams {
		t.Errorf("%d flows, %d streams", len(s.flows), len(s.flows[toA]))
	}
	if legs, err := s.Choose(); err != nil || legs.Leg[0].Addr != toA {
		t.Errorf("%v, %v", legs.Leg[0].Addr, err)
	}
}

func FuzzLook(f *testing.F) {
	f.Add(captureOf(traffic(stream{from: fromA, to: toA, octets: noise(rate/5, 1), ssrc: 1}, stream{from: fromB, to: toB, octets: noise(rate/5, 1), ssrc: 1})))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, asked := range [][]netip.AddrPort{nil, {toA}, {fromA, toB}} {
			s, err := Look(bytes.NewReader(b), asked)
			if err != nil {
				return
			}
			legs, err := s.Choose()
			if err == nil && (!legs.Leg[0].Addr.IsValid() || legs.end(time.Time{}).Before(legs.Begin())) {
				t.Errorf("legs from %v to %v: %+v", legs.Begin(), legs.end(time.Time{}), legs)
			}
		}
	})
}

package recording_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtp"

	"callrec/capture/jitter"
	"callrec/codec/g711"
	"callrec/recording"
)

// talkAs is a script that talks all the time in packets of so many samples.
func talkAs(size int) func(*sender) {
	return func(s *sender) { s.size = size; s.talk(12 * second) }
}

// dressed is a script that talks all the time in packets that carry more.
func dressed(dress func(*rtp.Packet)) func(*sender) {
	return func(s *sender) { s.dress = dress; s.talk(12 * second) }
}

// Packets of every size and dress.
func TestPackets(t *testing.T) {
	var cases []scenario
	for _, ptime := range []int{5, 10, 20, 30, 40, 60, 120} {
		cases = append(cases, scenario{
			name: fmt.Sprintf("packets of %d ms", ptime), source: "FreeSWITCH #1508, #2207: too fast; rtpengine #410: stretched",
			legs: [2]func(*sender){talkAs(ptime * 8)},
		})
	}
	play(t, append(cases, []scenario{
		{
			name: "packets of 20 and 30 ms on the two legs", source: "FreeSWITCH #1508: right channel much too fast",
			legs: [2]func(*sender){talkAs(160), talkAs(240)},
		},
		{
			name: "packets become longer and shorter in mid-call", source: "FreeSWITCH #2207: first half too fast",
			legs: [2]func(*sender){func(s *sender) {
				for _, ptime := range []int{20, 60, 10, 30, 120, 5} {
					s.size = ptime * 8
					s.talk(2 * second)
				}
			}},
		},
		{
			name: "packets of 13 to 900 octets, at random", source: "Asterisk and others that cut where they please",
			legs: [2]func(*sender){func(s *sender) {
				r := rand.New(rand.NewPCG(1, 2))
				for s.at < 11*rate {
					s.packet(13 + r.IntN(888))
				}
			}},
		},
		{
			name: "packets of 13 to 900 octets, and one in ten is lost", source: "the two together",
			legs: [2]func(*sender){func(s *sender) {
				r := rand.New(rand.NewPCG(2, 2))
				for n := 0; s.at < 11*rate; n++ {
					if s.size = 13 + r.IntN(888); n%10 == 5 {
						s.lose(time.Duration(s.size) * second / rate)
					} else {
						s.packet(s.size)
					}
				}
			}},
			want: [2]counts{{lost: 18}},
		},
		{
			name: "packets of half a second, more than a datagram's buffer", source: "no sender known: nothing may break",
			legs: [2]func(*sender){func(s *sender) {
				s.talk(4 * second)
				s.emit(make([]byte, 4096), 0, s.next.Timestamp)
				s.truth.lose(s.at, 4096)
				s.move(4096)
				s.talk(4 * second)
			}},
			want: [2]counts{{ignored: 1, lost: 1}},
		},
		{
			name: "packets as large as a buffer takes", source: "no sender known",
			legs: [2]func(*sender){talkAs(2036), nil},
		},
		{
			name: "empty packets in between", source: "keep-alives (RFC 6263 §4.1)",
			legs: [2]func(*sender){func(s *sender) {
				for range 60 {
					s.emit(nil, 0, s.next.Timestamp)
					s.talk(100 * ms)
					s.emit(nil, 0, s.next.Timestamp)
				}
				s.quiet(2 * second)
				s.emit(nil, 0, s.next.Timestamp)
				s.talk(2 * second)
			}},
		},
		{
			name: "empty packets keep a hold alive", source: "keep-alives (RFC 6263 §4.1), with the timestamp standing still",
			legs: [2]func(*sender){hold(func(s *sender) {
				for range 3 {
					s.emit(nil, 0, s.next.Timestamp)
					s.stand(second)
				}
			})},
			want: [2]counts{{changes: 1}},
		},
		{
			name: "payload types of the SDP", source: "dynamic types: 96 is µ-law, 97 A-law",
			spec: func(c *recording.CallSpec) {
				for leg := range recording.Leg(2) {
					c.Legs = append(c.Legs, recording.LegSpec{Leg: leg, Payloads: map[uint8]recording.Payload{
						96: recording.PayloadPCMU, 97: recording.PayloadPCMA,
					}})
				}
			},
			legs: [2]func(*sender){
				func(s *sender) { s.next.PayloadType = 96; s.talk(12 * second) },
				func(s *sender) { s.next.PayloadType, s.law = 97, g711.ALaw; s.talk(12 * second) },
			},
		},
		{
			name: "packets of an unknown type in between", source: "keep-alives of type 126, RED, T.38 that begins",
			legs: [2]func(*sender){func(s *sender) {
				for range 60 {
					s.talk(100 * ms)
					s.emit([]byte{1, 2, 3}, 126, s.next.Timestamp)
				}
			}},
			want: [2]counts{{ignored: 60}}, // they came: not lost
		},
		{
			name: "another codec for a while", source: "Asterisk PR #1252: a codec that changes; G.729 is not ours: silence",
			legs: [2]func(*sender){hold(func(s *sender) {
				for range 50 {
					s.emit(make([]byte, 20), 18, s.next.Timestamp)
					s.move(160)
				}
			})},
			want: [2]counts{{ignored: 50}},
		},
		{
			name: "header extensions of one byte", source: "RFC 8285 §4.2: audio level",
			legs: [2]func(*sender){dressed(func(p *rtp.Packet) { extend(t, p, 0xBEDE, []byte{0x8A}) })},
		},
		{
			name: "header extensions of two bytes", source: "RFC 8285 §4.3",
			legs: [2]func(*sender){dressed(func(p *rtp.Packet) { extend(t, p, 0x1000, make([]byte, 20)) })},
		},
		{
			name: "contributing sources", source: "a mixer's stream: Metaswitch's one mixed line",
			legs: [2]func(*sender){dressed(func(p *rtp.Packet) { p.CSRC = []uint32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} })},
		},
		{
			name: "padding", source: "RFC 3550 §5.1: for ciphers",
			legs: [2]func(*sender){dressed(func(p *rtp.Packet) { p.Padding, p.PaddingSize = true, 17 })},
		},
		{
			name: "padding that lies", source: "more of it than the packet is long, or none: the packet is not read",
			legs: [2]func(*sender){lying(255), lying(0)},
			want: [2]counts{{ignored: 10, lost: 10}, {ignored: 10, lost: 10}},
		},
		{
			name: "a marker on every packet", source: "gateways that mean nothing by it",
			legs: [2]func(*sender){dressed(func(p *rtp.Packet) { p.Marker = true })},
		},
		{
			name: "everything at once", source: "RFC 3550 §5.1",
			legs: [2]func(*sender){dressed(func(p *rtp.Packet) {
				p.Marker, p.CSRC, p.Padding, p.PaddingSize = true, []uint32{7}, true, 255
				extend(t, p, 0xBEDE, []byte{1, 2})
			})},
		},
		{
			// The leg comes in pieces of half a second, each with holes as long as its
			// packets, and each a stream of its own. The file's length and the other leg
			// know nothing of it.
			name: "timestamps at twice the rate", source: "SDP that says 16000, or G.722's clock of 8000 misread",
			legs: [2]func(*sender){func(s *sender) {
				for s.at < 10*rate {
					s.packet(160)
					s.next.Timestamp += 160
				}
				s.truth.ease(0, 10*rate+samples(jitter.Early))
			}},
			want: [2]counts{{changes: 11, late: 30}},
		},
	}...))
}

// extend gives a packet a header extension.
func extend(t *testing.T, p *rtp.Packet, profile uint16, payload []byte) {
	p.Extension, p.ExtensionProfile = true, profile
	if err := p.SetExtension(1, payload); err != nil {
		t.Error(err)
	}
}

// lying is a script that talks, but for some packets whose last octet says how much
// of them is padding, and cannot be right.
func lying(last byte) func(*sender) {
	return hold(func(s *sender) {
		s.spoil = func(b []byte) { b[0] |= 0x20; b[len(b)-1] = last }
		s.truth.lose(s.at, 1600)
		for range 10 {
			s.emit(make([]byte, 160), 0, s.next.Timestamp)
			s.move(160)
		}
		s.spoil = nil
	})
}

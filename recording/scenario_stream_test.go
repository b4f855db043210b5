package recording_test

import (
	"testing"
	"time"

	"callrec/codec/g711"
)

// Senders that become others, begin anew or count strangely.
func TestStreams(t *testing.T) {
	play(t, []scenario{
		{
			name: "any first number, no marker", source: "rtpengine: the call was running when the fork was set up",
			legs: [2]func(*sender){func(s *sender) { s.next.SequenceNumber, s.next.Timestamp = 65535, 1<<31-1; s.talk(12 * second) }},
		},
		{
			name: "numbers and timestamps wrap at once", source: "RFC 3550 §5.1",
			legs: [2]func(*sender){func(s *sender) {
				s.next.SequenceNumber, s.next.Timestamp = 1<<16-100, 1<<32-100*160
				s.talk(12 * second)
			}, func(s *sender) { // and before its place is known
				s.next.SequenceNumber, s.next.Timestamp = 1<<16-10, 1<<32-10*160-7
				s.talk(12 * second)
			}},
		},
		{
			name: "another SSRC at once", source: "rtpengine #1689: samples for an old re-used channel after an SSRC change",
			legs: [2]func(*sender){func(s *sender) { s.talk(5 * second); s.again(9); s.talk(7 * second) }},
			want: [2]counts{{changes: 1}},
		},
		{
			name: "both legs change at once", source: "rtpengine #1018: four SSRCs, one party missing",
			legs: [2]func(*sender){
				func(s *sender) { s.talk(5 * second); s.again(9); s.talk(7 * second) },
				func(s *sender) { s.talk(5 * second); s.again(8); s.talk(7 * second) },
			},
			want: [2]counts{{changes: 1}, {changes: 1}},
		},
		{
			name: "another SSRC after a gap", source: "rtpengine: the far end is transferred",
			legs: [2]func(*sender){func(s *sender) { s.talk(5 * second); s.stand(2 * second); s.again(9); s.talk(5 * second) }},
			want: [2]counts{{changes: 1}},
		},
		{
			name: "three SSRCs in a second", source: "rtpengine #1018: more than four SSRCs",
			legs: [2]func(*sender){func(s *sender) {
				s.talk(5 * second)
				for ssrc := range uint32(3) {
					s.again(9 + ssrc)
					s.talk(320 * ms)
				}
				s.talk(5 * second)
			}},
			want: [2]counts{{changes: 3}},
		},
		{
			// Three streams at a time may wait for their places.
			name: "four SSRCs in a second: the last has to wait for room", source: "what bounded memory costs",
			legs: [2]func(*sender){func(s *sender) {
				s.talk(5 * second)
				for ssrc := range uint32(3) {
					s.again(9 + ssrc)
					s.talk(320 * ms)
				}
				s.again(20)
				s.talk(5 * second)
				clear(s.truth.pcm[samples(5960*ms):samples(6020*ms)])
			}},
			want: [2]counts{{changes: 4, foreign: 3}},
		},
		{
			name: "another SSRC and back, seconds later", source: "Janus #2025; music on hold comes from another source",
			legs: [2]func(*sender){func(s *sender) {
				s.talk(4 * second)
				first := s.next
				s.again(9)
				s.talk(3 * second)
				first.SequenceNumber, first.Timestamp = first.SequenceNumber+150, first.Timestamp+3*rate
				s.next = first
				s.talk(5 * second)
			}},
			want: [2]counts{{changes: 2}},
		},
		{
			name: "another SSRC and back, where the first one stopped", source: "a media server that keeps its stream",
			legs: [2]func(*sender){func(s *sender) {
				s.talk(4 * second)
				first := s.next
				s.again(9)
				s.talk(3 * second)
				s.next = first
				s.talk(5 * second)
			}},
			want: [2]counts{{changes: 2}},
		},
		{
			// A stream that lives again before the other's place is known makes that
			// one a stray: nothing else tells it from a packet gone astray.
			name: "another SSRC for less than the hold", source: "what strays beside a living stream costs",
			legs: [2]func(*sender){func(s *sender) {
				s.talk(4 * second)
				first := s.next
				s.again(9)
				s.talk(400 * ms)
				clear(s.truth.pcm[4*rate : 4*rate+samples(400*ms)])
				first.Timestamp += uint32(samples(400 * ms))
				s.next = first
				s.talk(7 * second)
			}},
			want: [2]counts{{foreign: 20}},
		},
		{
			name: "transcoding begins: another SSRC and law, numbers and timestamps go on", source: "rtpengine: codec transcode PCMA",
			legs: [2]func(*sender){func(s *sender) {
				s.talk(5 * second)
				s.next.SSRC, s.next.PayloadType, s.law = 9, 8, g711.ALaw
				s.talk(7 * second)
				s.law = g711.MuLaw
			}},
			want: [2]counts{{changes: 1}},
		},
		{
			name: "from µ-law to A-law and back in one stream", source: "Asterisk #1276, PR #1252: legs with different codecs",
			legs: [2]func(*sender){func(s *sender) {
				for i := range 12 {
					s.law = g711.Law(i % 2)
					s.next.PayloadType = uint8(8 * (i % 2))
					s.talk(second)
				}
			}},
		},
		{
			name: "µ-law on one leg and A-law on the other", source: "Asterisk #1276: broken recording",
			legs: [2]func(*sender){nil, func(s *sender) { s.law, s.next.PayloadType = g711.ALaw, 8; s.talk(12 * second) }},
		},
		{
			name: "another port of the sender, after its silence", source: "a party that moves: re-INVITE to another port",
			legs: [2]func(*sender){func(s *sender) {
				s.talk(3 * second)
				s.quiet(5500 * ms)
				s.from = calleeFrom
				s.talk(3 * second)
			}},
		},
		{
			name: "another port and SSRC of the sender, after its silence", source: "rtpengine: the party re-offers from a new port",
			legs: [2]func(*sender){func(s *sender) {
				s.talk(3 * second)
				s.stand(5500 * ms)
				s.from = calleeFrom
				s.again(9)
				s.talk(3 * second)
			}},
			want: [2]counts{{changes: 1}},
		},
		{
			// Who holds the leg keeps it for as long as the source time-out.
			name: "another port of the sender at once", source: "a NAT that forgets; rtpengine: the party re-offers from a new port",
			legs: [2]func(*sender){func(s *sender) {
				s.talk(4 * second)
				s.from = calleeFrom
				begin := s.next
				s.lose(5 * second)
				next := s.next
				for s.next = begin; s.next.SequenceNumber != next.SequenceNumber; s.next.Timestamp += 160 {
					at := s.at
					s.at = 4*rate + int(s.next.Timestamp-begin.Timestamp)
					s.emit(make([]byte, 160), 0, s.next.Timestamp)
					s.at = at
				}
				s.talk(3 * second)
			}},
			want: [2]counts{{foreign: 250, lost: 250}},
		},
		{
			name: "numbers begin anew, timestamps go on", source: "a gateway that counts for each talk spurt",
			legs: [2]func(*sender){func(s *sender) { s.talk(5 * second); s.next.SequenceNumber = 0; s.talk(7 * second) }, func(s *sender) {
				s.next.SequenceNumber = 5
				s.talk(5 * second)
				s.next.SequenceNumber = 40000
				s.talk(7 * second)
			}},
		},
		{
			name: "numbers begin anew a little behind", source: "a gateway that restarts",
			legs: [2]func(*sender){func(s *sender) { s.talk(5 * second); s.next.SequenceNumber -= 200; s.talk(7 * second) }},
		},
		{
			name: "timestamps begin anew, numbers go on", source: "FreeSWITCH #1651: wrong timestamps",
			legs: [2]func(*sender){func(s *sender) { s.talk(5 * second); s.next.Timestamp = 0; s.talk(7 * second) }},
			want: [2]counts{{changes: 1}},
		},
		{
			name: "timestamps are put off by 20 ms again and again", source: "a mixer that plays files one after the other",
			legs: [2]func(*sender){func(s *sender) {
				for range 12 {
					s.talk(980 * ms)
					s.quiet(20 * ms)
				}
			}},
		},
		{
			name: "another SSRC while the old one's last packets are under way", source: "rtpengine #1689; two paths of different length",
			legs: [2]func(*sender){func(s *sender) {
				s.talk(5 * second)
				s.delay = func() time.Duration { return 300 * ms }
				s.talk(200 * ms)
				s.delay = nil
				s.again(9)
				s.talk(6 * second)
			}},
			want: [2]counts{{changes: 1}},
		},
		{
			name: "another SSRC, law and packet size at once", source: "Asterisk #1276; a transfer to another kind of telephone",
			legs: [2]func(*sender){func(s *sender) {
				s.talk(5 * second)
				s.again(9)
				s.law, s.next.PayloadType, s.size = g711.ALaw, 8, 240
				s.talk(7 * second)
			}},
			want: [2]counts{{changes: 1}},
		},
		{
			name: "two SSRCs at a time: the first has the leg", source: "rtpengine #1018; ring-back beside the voice",
			legs: [2]func(*sender){func(s *sender) {
				s.talk(2 * second)
				first := s.next
				s.again(9)
				for s.at < 11*rate {
					s.emit(said(s.leg+7, s.at, 160), 0, s.next.Timestamp)
					other := s.next
					other.Timestamp += 160
					s.next = first
					s.packet(160)
					s.next, first = other, s.next
				}
			}},
			want: [2]counts{{foreign: 450}},
		},
		{
			name: "a packet of another stream, just before the leg pauses", source: "rtpengine #1689: what is left of a call before",
			legs: [2]func(*sender){func(s *sender) {
				s.talk(4 * second)
				ours := s.next
				s.again(9)
				s.emit(said(s.leg+7, s.at, 160), 0, s.next.Timestamp)
				s.next = ours
				s.talk(200 * ms)
				s.quiet(3 * second)
				s.talk(2 * second)
			}},
			want: [2]counts{{foreign: 1}},
		},
		{
			name: "the first packets come in the wrong order", source: "a network that begins",
			legs: [2]func(*sender){func(s *sender) {
				s.delay = func() time.Duration { return max(0, 400*ms-3*time.Duration(s.at)*second/rate) }
				s.talk(6 * second)
			}},
			want: [2]counts{{reordered: 7}},
		},
		{
			name: "a leg begins ten seconds after the other", source: "early media of one side only",
			length: 20 * second, legs: [2]func(*sender){nil, func(s *sender) { s.quiet(10007 * ms); s.talk(9 * second) }},
		},
		{
			name: "a leg that never sends", source: "rtpengine #1018: one party missing",
			legs: [2]func(*sender){nil, never}, want: [2]counts{1: {noMedia: true}},
		},
		{
			name: "neither leg sends", source: "rtpengine #1779: file shorter than the call",
			legs: [2]func(*sender){never, never}, want: [2]counts{{noMedia: true}, {noMedia: true}},
		},
		{
			name: "one packet, and no more", source: "what a hole in a firewall lets out",
			legs: [2]func(*sender){func(s *sender) { s.quiet(3333 * ms); s.talk(20 * ms) }},
		},
	})
}

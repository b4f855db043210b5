package recording_test

import (
	"testing"
	"time"

	"callrec/recording"
)

const (
	ptNoise    = 13 // RFC 3551 table 4
	ptOldNoise = 19 // what it was before
	ptEvents   = 101
)

// noise sends a comfort noise packet (RFC 3389): a level, no samples.
func (s *sender) noise(pt uint8) { s.emit([]byte{60}, pt, s.next.Timestamp) }

// dtmf sends a key that is pressed for a time, as RFC 4733 has it: a packet every 50
// ms with the timestamp of its beginning, three at its end, and after 8 s another
// segment. Those that drop names do not arrive. The clock goes on meanwhile.
func (s *sender) dtmf(d time.Duration, drop func(i int) bool) {
	const every, longest = rate / 20, 0xFFFF / (rate / 20) * (rate / 20)
	send := func(i, lasts int, end byte) {
		if drop != nil && drop(i) {
			s.next.SequenceNumber++
			return
		}
		s.emit([]byte{5, end | 10, byte(lasts >> 8), byte(lasts)}, ptEvents, s.next.Timestamp)
	}
	n := 0
	for left := samples(d); left > 0; {
		segment := min(left, longest)
		left -= segment
		s.next.Marker = n == 0
		begin := s.at
		for lasts := every; lasts <= segment; lasts += every {
			s.at = begin + lasts
			send(n, lasts, 0)
			n++
		}
		for range 3 {
			send(n, segment, 0x80)
			n++
		}
		s.at = begin
		s.move(segment)
	}
}

func withEvents(c *recording.CallSpec) {
	for leg := range recording.Leg(2) {
		c.Legs = append(c.Legs, recording.LegSpec{Leg: leg, Payloads: map[uint8]recording.Payload{
			0: recording.PayloadPCMU, 8: recording.PayloadPCMA, 13: recording.PayloadNoise, ptEvents: recording.PayloadEvents,
		}})
	}
}

// hold is a script that talks, pauses, and talks again.
func hold(pause func(s *sender)) func(*sender) {
	return func(s *sender) {
		s.talk(4 * second)
		pause(s)
		s.talk(4 * second)
	}
}

// Whoever pauses, and however, is silent in the file for as long, and what is said
// after is where it was said.
func TestPauses(t *testing.T) {
	const minutes = 3 * time.Minute
	play(t, []scenario{
		{
			name: "hold for minutes, the clock goes on", source: "FreeSWITCH #2584, #1177: silence missing; #2446: legs differ in length",
			length: minutes + 9*second, legs: [2]func(*sender){hold(func(s *sender) { s.quiet(minutes) })},
		},
		{
			name: "hold for minutes, the clock stands still", source: "Janus PR #2573: wrong times after an interruption; rtpproxy PR #61: silence twice",
			length: minutes + 9*second, legs: [2]func(*sender){nil, hold(func(s *sender) { s.stand(minutes) })},
			want: [2]counts{1: {changes: 1}},
		},
		{
			name: "hold for minutes, the clock jumps forward", source: "FreeSWITCH #1651: wrong timestamps; jambonz #299",
			length: minutes + 9*second, legs: [2]func(*sender){hold(func(s *sender) { s.stand(minutes); s.next.Timestamp += 1 << 30 })},
			want: [2]counts{{changes: 1}},
		},
		{
			name: "hold for minutes, the clock jumps back", source: "rtpengine #1874: longer than the call",
			length: minutes + 9*second, legs: [2]func(*sender){hold(func(s *sender) { s.stand(minutes); s.next.Timestamp -= 1 << 30 })},
			want: [2]counts{{changes: 1}},
		},
		{
			name: "hold for minutes, resumed with another SSRC", source: "Janus #2025: dropped after an SSRC change; rtpengine #102",
			length: minutes + 9*second, legs: [2]func(*sender){hold(func(s *sender) { s.stand(minutes); s.again(9) })},
			want: [2]counts{{changes: 1}},
		},
		{
			name: "hold of both legs at once", source: "jambonz PR #1560: CUBE flips both streams to inactive",
			length: minutes + 9*second, legs: [2]func(*sender){hold(func(s *sender) { s.quiet(minutes) }), hold(func(s *sender) { s.stand(minutes) })},
			want: [2]counts{1: {changes: 1}},
		},
		{
			name: "inactive to the end", source: "rtpengine #1779: inactive media, file shorter than the call",
			length: time.Minute, legs: [2]func(*sender){func(s *sender) { s.talk(5 * second) }, func(s *sender) { s.talk(4 * second) }},
		},
		{
			name: "hold and resume, five times", source: "livekit/sip PR #557: silence filler; OpenSIPS PR #3764: pause state",
			length: 32 * second, legs: [2]func(*sender){func(s *sender) {
				for range 5 {
					s.talk(2 * second)
					s.quiet(4 * second)
				}
			}},
		},
		{
			// The leg is heard early for as long as the clock stood, until a longer pause: a
			// queue of that length looks the same.
			name: "the clock stands still for less than the hold", source: "a media server that plays prompts on one clock of packets",
			legs: [2]func(*sender){func(s *sender) {
				s.talk(4 * second)
				s.stand(600 * ms)
				s.shift = -samples(600 * ms)
				s.talk(3 * second)
				s.stand(2 * second)
				s.shift = 0
				s.talk(2 * second)
			}},
			want: [2]counts{{changes: 1}},
		},
		{
			name: "mute and unmute: numbers go on, the timestamp jumps, marker", source: "rtpengine: a muted party resumes",
			legs: [2]func(*sender){hold(func(s *sender) { s.quiet(1520 * ms) })},
		},
		{
			name: "held in the SBC: 76 numbers and their time are missing", source: "rtpengine mr26: hold inactive while the sender goes on",
			legs: [2]func(*sender){hold(func(s *sender) { s.lose(1520 * ms) })},
			want: [2]counts{{lost: 76}}, // nothing tells this from loss: 60 ms of it are concealed
		},
		{
			name: "held in the SBC for minutes: 9,000 numbers are missing", source: "rtpengine mr26; RFC 3550 A.1: so many are not lost, the sender counts anew",
			length: minutes + 9*second, legs: [2]func(*sender){hold(func(s *sender) {
				s.quiet(minutes)
				s.next.SequenceNumber += 9000
			})},
		},
		{
			name: "DTX without comfort noise", source: "Janus PR #2467: DTX",
			legs: [2]func(*sender){dtx(0, 0)},
		},
		{
			name: "DTX with comfort noise", source: "rtpengine #1475: silence and comfort noise",
			legs: [2]func(*sender){dtx(ptNoise, 200*ms), dtx(ptNoise, 20*ms)},
		},
		{
			name: "DTX with comfort noise of the old type", source: "rtpengine #1475; RFC 3551: 19 was reserved for it",
			legs: [2]func(*sender){dtx(ptOldNoise, 60*ms)},
		},
		{
			name: "comfort noise among the packets of talk", source: "gateways that send it beside audio",
			legs: [2]func(*sender){func(s *sender) {
				for range 100 {
					s.talk(100 * ms)
					s.noise(ptNoise)
				}
			}},
		},
		{
			name: "a key, with nothing beside it", source: "rtpengine #861: tones end up in the recording", spec: withEvents,
			legs: [2]func(*sender){hold(func(s *sender) { s.dtmf(200*ms, nil) })},
		},
		{
			name: "a key and comfort noise in the first second", source: "rtpengine #861, #1475: an IVR's menu", spec: withEvents,
			legs: [2]func(*sender){func(s *sender) {
				s.talk(200 * ms)
				s.dtmf(200*ms, nil)
				s.talk(100 * ms)
				for range 5 {
					s.noise(ptNoise)
					s.move(160)
				}
				s.talk(10 * second)
			}},
		},
		{
			name: "a key for a long time, in two segments", source: "RFC 4733 §2.5.1.3", spec: withEvents, length: 20 * second,
			legs: [2]func(*sender){hold(func(s *sender) { s.dtmf(10*second, nil) })},
		},
		{
			name: "keys in a row", source: "FreeSWITCH PR #223: sensitive_dtmf", spec: withEvents,
			legs: [2]func(*sender){func(s *sender) {
				for range 12 {
					s.talk(300 * ms)
					s.dtmf(150*ms, nil)
					s.quiet(50 * ms)
				}
			}},
		},
		{
			name: "a key whose first and last packets are lost", source: "loss, and RFC 4733 §2.5.1.4: the end is sent three times", spec: withEvents,
			legs: [2]func(*sender){hold(func(s *sender) {
				s.dtmf(200*ms, func(i int) bool { return i == 0 || i > 4 })
			})},
			want: [2]counts{{lost: 3}}, // fewer than would fill the gap: silence
		},
		{
			name: "a key with audio beside it", source: "rtpengine #861: the tone itself goes on in the audio", spec: withEvents,
			legs: [2]func(*sender){hold(func(s *sender) {
				begin, ts, numbered := s.at, s.next.Timestamp, s.next
				for i := range 12 { // packets of 20 ms and events take turns
					s.emit(said(s.leg, s.at, s.size), s.next.PayloadType, s.next.Timestamp)
					s.move(s.size)
					s.emit([]byte{5, 10, byte((i + 1) * 160 >> 8), byte((i + 1) * 160)}, ptEvents, ts)
				}
				if s.at-begin != 12*160 || s.next.SequenceNumber != numbered.SequenceNumber+24 {
					t.Error("the script is wrong")
				}
			})},
		},
		{
			name: "masked while one leg is on hold and the other begins anew", source: "FusionPBX PR #5373: mask so that the length stays the same",
			legs: [2]func(*sender){
				hold(func(s *sender) { s.quiet(2 * second) }),
				func(s *sender) { s.talk(5 * second); s.again(9); s.talk(6 * second) },
			},
			masked: [2]time.Duration{4500 * ms, 7123 * ms}, want: [2]counts{1: {changes: 1}},
		},
	})
}

// dtx is a sender that is quiet in pauses, but for comfort noise, if pt is not 0.
func dtx(pt uint8, every time.Duration) func(*sender) {
	return func(s *sender) {
		for range 5 {
			s.talk(1200 * ms)
			end := s.at + samples(800*ms)
			for pt != 0 && s.at < end {
				s.noise(pt)
				s.move(min(samples(every), end-s.at))
			}
			s.quiet(time.Duration(end-s.at) * second / rate)
		}
	}
}

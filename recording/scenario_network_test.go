package recording_test

import (
	"math/rand/v2"
	"testing"
	"time"
)

// What networks do to packets. Where all arrive within the hold, nothing of it is
// heard.
func TestNetworks(t *testing.T) {
	r := func(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 3)) }
	through := func(delay func() time.Duration) func(*sender) {
		return func(s *sender) { s.delay = delay; s.talk(12 * second) }
	}
	const changesNothing = "a network that delays and does not lose"
	play(t, []scenario{
		{
			name: "all packets of a second at once", source: "rtpengine #768: gaps; a machine that stalls",
			legs: [2]func(*sender){func(s *sender) {
				s.delay = func() time.Duration { return time.Duration(rate-160-s.at%rate) * second / rate }
				s.talk(12 * second)
			}},
		},
		{
			name: "neighbours change places", source: changesNothing,
			legs: [2]func(*sender){func(s *sender) {
				s.delay = func() time.Duration { return time.Duration(1-s.at/160%2) * 30 * ms }
				s.talk(12 * second)
			}},
			want: [2]counts{{reordered: 300}},
		},
		{
			name: "one packet in ten comes half a second late", source: changesNothing,
			legs: [2]func(*sender){func(s *sender) {
				s.delay = func() time.Duration { return time.Duration(s.at/160%10/9) * 500 * ms }
				s.talk(12 * second)
			}},
			want: [2]counts{{reordered: 59}}, // the last is overtaken by nobody
		},
		{
			name: "every packet comes twice", source: "two paths, or a port that mirrors",
			legs: [2]func(*sender){func(s *sender) {
				for s.at < 12*rate {
					one := s.next
					s.emit(said(s.leg, s.at, 160), 0, one.Timestamp)
					s.next = one
					s.packet(160)
				}
			}},
			want: [2]counts{{duplicate: 600}},
		},
		{
			name: "every packet comes again after 300 ms", source: "two paths of different length",
			legs: [2]func(*sender){func(s *sender) {
				for s.at < 12*rate {
					one := s.next
					s.delay = func() time.Duration { return 300 * ms }
					s.emit(said(s.leg, s.at, 160), 0, one.Timestamp)
					s.next, s.delay = one, nil
					s.packet(160)
				}
			}},
			want: [2]counts{{duplicate: 600}},
		},
		{
			name: "one packet in ten is lost", source: "rtpengine #1596: hatched audio",
			legs: [2]func(*sender){func(s *sender) {
				for s.at < 12*rate {
					s.talk(180 * ms)
					s.lose(20 * ms)
				}
			}},
			want: [2]counts{{lost: 59}}, // nobody knows of the last
		},
		{
			name: "one packet in ten is lost, at random, on both legs", source: "rtpengine #754: choppy audio",
			legs: [2]func(*sender){lossy(r(1)), lossy(r(2))},
			want: [2]counts{{lost: 59}, {lost: 75}},
		},
		{
			name: "nothing comes for 1.5 s, and never will", source: "a network that fails",
			legs: [2]func(*sender){hold(func(s *sender) { s.lose(1500 * ms) })},
			want: [2]counts{{lost: 75}},
		},
		{
			name: "jitter of up to 900 ms", source: changesNothing,
			legs: [2]func(*sender){through(jitterUpTo(r(3), 900*ms)), through(jitterUpTo(r(4), 100*ms))},
			want: [2]counts{{reordered: 485}, {reordered: 252}},
		},
		{
			// Nothing in the packets tells delay from having been said later: the leg is
			// heard 900 ms late, to the sample. Sender reports could tell.
			name: "one leg comes 900 ms late all the time", source: "FreeSWITCH #2446: legs apart; a satellite",
			legs: [2]func(*sender){nil, func(s *sender) {
				s.shift = samples(900 * ms)
				s.delay = func() time.Duration { return 900 * ms }
				s.talk(12 * second)
			}},
		},
		{
			// What was held back for longer than hold and turn is late, and as good as lost.
			// It is silence: when its place was due, the sender seemed to have stopped.
			name: "a queue of 1.6 s fills and empties at once", source: "a burst of jitter over the hold",
			legs: [2]func(*sender){hold(func(s *sender) {
				begin := s.at
				s.delay = func() time.Duration { return 1600*ms - time.Duration(s.at-begin)*second/rate }
				s.talk(1600 * ms)
				s.delay = nil
				clear(s.truth.pcm[begin : begin+20*160])
			})},
			want: [2]counts{{late: 20, lost: 20}},
		},
	})
}

// lossy is a script that talks all the time, but one packet in ten is lost.
func lossy(r *rand.Rand) func(*sender) {
	return func(s *sender) {
		s.talk(20 * ms)
		for s.at < 12*rate-160 {
			if r.IntN(10) == 0 {
				s.lose(20 * ms)
			} else {
				s.talk(20 * ms)
			}
		}
		s.talk(20 * ms)
	}
}

// jitterUpTo is a network whose first packet, and one in fifty, meets no queue.
func jitterUpTo(r *rand.Rand, most time.Duration) func() time.Duration {
	n := 0
	return func() time.Duration {
		if n++; n%50 == 1 {
			return 0
		}
		return time.Duration(r.Int64N(int64(most)))
	}
}

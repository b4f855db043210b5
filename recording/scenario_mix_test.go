package recording_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"callrec/codec/g711"
	"callrec/recording"
)

// One eventful call, recorded in several ways at a time: all are as long as the call,
// the mix is the sum of the channels, and at twice the rate there is twice as much.
// (rtpengine #1871, #873: mixed worse than single; #555, #350: distorted; FreeSWITCH
// #895, Asterisk #1779: stereo and rate.)
func TestOneCallInEveryFormat(t *testing.T) {
	inWorld(t, func(w *world) {
		const length = 12 * second
		info := w.announce("c", `{}`, `{"channels":"stereo"}`, `{"record_sample_rate":16000}`, `{"channels":"stereo","record_sample_rate":16000}`)
		caller := w.script(info, 0, 0, samples(length), hold(func(s *sender) { s.quiet(2 * second); s.again(9); s.size = 240 }))
		callee := w.script(info, 1, 0, samples(length), func(s *sender) {
			s.law, s.next.PayloadType = g711.ALaw, 8
			s.delay = jitterUpTo(rand.New(rand.NewPCG(1, 6)), 300*ms)
			s.talk(length)
		})
		w.sleep(length)
		w.do("c", recording.Command{Action: recording.Hangup})
		files := make([]file, len(info.Recordings))
		for i, r := range info.Recordings {
			files[i] = w.file(r.ID)
		}
		legs := parted(files[1].wav(t, rate, 2))
		caller.check(t, "caller", legs[0])
		callee.check(t, "callee", legs[1])
		both := expect{legs: legs}
		same(t, "mix", files[0].wav(t, rate, 1), both.mono(0, samples(length)))
		mono, stereo := files[2].wav(t, 2*rate, 1), files[3].wav(t, 2*rate, 2)
		if len(mono) != 2*samples(length) || len(stereo) != 4*samples(length) {
			t.Errorf("%d and %d samples at twice the rate, want %d and %d", len(mono), len(stereo), 2*samples(length), 4*samples(length))
		}
	})
}

// Two senders with clocks of their own, through a whole worker: what both hear at one
// instant, all clicks of the call, is in the file at one place. (licode #528:
// drift; FreeSWITCH #2446: 2-3 s a minute; bigbluebutton #25259.)
func TestClocksThatDriftThroughAWorker(t *testing.T) {
	const length, every = 3 * time.Minute, 10 // seconds
	type clock struct {
		ppm    float64
		packet int
		r      *rand.Rand
	}
	inWorld(t, func(w *world) {
		info := w.announce("c", `{"channels":"stereo"}`)
		clocks := [2]clock{{ppm: 150, r: rand.New(rand.NewPCG(1, 7))}, {ppm: -150, r: rand.New(rand.NewPCG(2, 7))}}
		for now := time.Duration(0); now < length; now += 200 * ms {
			for leg := range clocks {
				c := &clocks[leg]
				for {
					at := func(sample int) float64 { return float64(sample) / (rate * (1 + c.ppm/1e6)) } // seconds, true ones
					first := c.packet * 160
					if at(first) >= (now + 200*ms).Seconds() {
						break
					}
					pcm := make([]int16, 160)
					for i := range pcm { // a click in the middle of each ten seconds
						k := (math.Mod(at(first+i), every) - every/2) * rate
						pcm[i] = int16(30000 * math.Exp(-k*k/18))
					}
					sent := time.Duration(at(first) * 1e9)
					w.send(info.Legs[leg].Ports.RTP, talk{
						from: callerFrom, ssrc: 7, seq: uint16(c.packet), ts: uint32(first), octets: g711.Encode(g711.MuLaw, nil, pcm),
						start: sent + time.Duration(c.r.ExpFloat64()*5e6),
					})
					c.packet++
				}
			}
			w.sleep(200 * ms)
		}
		w.do("c", recording.Command{Action: recording.Hangup})
		f := w.file(info.Recordings[0].ID)
		legs := parted(f.wav(t, rate, 2))
		if len(legs[0]) != samples(length) {
			t.Errorf("%d samples, want %d", len(legs[0]), samples(length))
		}
		worst := [3]int{} // of each leg, and between them
		for k := every / 2; k < int(length.Seconds()); k += every {
			var at [2]int
			for leg, pcm := range legs {
				from, to := (k-1)*rate, (k+1)*rate
				for i := from; i < to; i++ {
					if pcm[i] > pcm[from+at[leg]] {
						at[leg] = i - from
					}
				}
				at[leg] -= rate
				worst[leg] = max(worst[leg], at[leg], -at[leg])
			}
			worst[2] = max(worst[2], at[0]-at[1], at[1]-at[0])
		}
		t.Logf("at most %d and %d samples from where they were, %d apart", worst[0], worst[1], worst[2])
		if worst[0] > 8 || worst[1] > 8 || worst[2] > 16 {
			t.Errorf("at most %d and %d samples from where they were, %d apart; want 8 and 16", worst[0], worst[1], worst[2])
		}
	})
}

package recording_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"callrec/codec/g711"
	"callrec/codec/plc"
	"callrec/recording"
)

// levelsOff is by how many dB the level of what is heard is off, in the mean of the
// frames of 20 ms that were lost and in which somebody speaks. Below -60 dB of full
// scale nothing is heard.
func levelsOff(said, heard []int16, lost []bool) (sum float64, frames int) {
	level := func(x []int16) float64 {
		power := 0.0
		for _, v := range x {
			power += float64(v) * float64(v) / float64(len(x)) / (1 << 30)
		}
		return max(-60, 10*math.Log10(power))
	}
	for i, l := range lost {
		from, to := i*160, (i+1)*160
		if was := level(said[from:to]); l && was > -50 {
			sum += math.Abs(was - level(heard[from:to]))
			frames++
		}
	}
	return sum, frames
}

// concealed is a leg with its gaps filled by the concealer alone, all at once.
func concealed(said []int16, lost []bool) []int16 {
	x := slices.Clone(said)
	var c plc.Concealer
	for i, l := range lost {
		if l {
			c.Lost(x, i*160, (i+1)*160)
		} else {
			c.Received(x, i*160, (i+1)*160)
		}
	}
	return x
}

// What is lost of speech is concealed on its whole way through a worker, whatever it
// is cut into there, as the concealer alone would do it: its level is much nearer to
// that of what was said than silence is, and what was not lost stays as it is. (A
// waveform that nobody knows cannot be had back: there the SNR is that of silence, 0
// dB, and tells nothing; see codec/plc.)
func TestLossOfSpeechIsConcealed(t *testing.T) {
	const calls, packets = 6, 500
	var speech [2][]byte
	for leg, name := range []string{"caller", "callee"} {
		b, err := os.ReadFile("../cmd/callrec/speech/" + name + ".ulaw")
		if err != nil {
			t.Fatal(err)
		}
		speech[leg] = b[:packets*160]
	}
	for _, percent := range []int{0, 1, 3, 5, 10} {
		t.Run(fmt.Sprint(percent, " %"), func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(w *world) {
				var infos []recording.CallInfo
				var said [][]int16
				var lost [][]bool
				for i := range uint64(calls) {
					info := w.announce(fmt.Sprint("call", i), `{"channels":"stereo"}`)
					infos = append(infos, info)
					for leg, octets := range speech {
						r := rand.New(rand.NewPCG(i, uint64(percent+leg*100)))
						gone := make([]bool, packets)
						for k := 1; k < packets-1; k++ { // of the first and the last nobody would know
							gone[k] = r.IntN(100) < percent
						}
						x := make([]int16, len(octets))
						g711.Decode(g711.MuLaw, x, octets)
						said, lost = append(said, x), append(lost, gone)
						w.send(info.Legs[leg].Ports.RTP, talk{
							from: callerFrom, start: w.now(), octets: octets, ssrc: 7, seq: 65000, ts: 1 << 31,
							drop: func(k int) bool { return gone[k] },
						})
					}
				}
				w.sleep(10 * second)
				for _, info := range infos {
					w.do(info.Spec.ID.Call, recording.Command{Action: recording.Hangup})
				}
				var off, offSilent float64
				frames := 0
				for i, info := range infos {
					f := w.file(info.Recordings[0].ID)
					now, _ := w.m.Info(info.Spec.ID)
					for leg, heard := range parted(f.wav(t, rate, 2)) {
						k := 2*i + leg
						want := float64(0)
						for _, l := range lost[k] {
							if l {
								want++
							}
						}
						q := now.Recordings[0].Quality.Legs[leg]
						if float64(q.Lost) != want || q.ConcealedMS > want*20 || q.ConcealedMS < want*15 {
							t.Errorf("%d lost and %v ms concealed, want %v", q.Lost, q.ConcealedMS, want)
						}
						same(t, fmt.Sprintf("call %d, %v", i, recording.Leg(leg)), heard, concealed(said[k], lost[k]))
						d, n := levelsOff(said[k], heard, lost[k])
						silent, _ := levelsOff(said[k], make([]int16, len(heard)), lost[k])
						off, offSilent, frames = off+d, offSilent+silent, frames+n
					}
				}
				if percent == 0 {
					return
				}
				off, offSilent = off/float64(frames), offSilent/float64(frames)
				t.Logf("%d frames lost: their level is off by %.1f dB, and with silence by %.1f", frames, off, offSilent)
				if off > offSilent/4 {
					t.Errorf("the level of %d lost frames is off by %.1f dB, and with silence by %.1f", frames, off, offSilent)
				}
			})
		})
	}
}

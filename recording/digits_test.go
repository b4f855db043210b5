package recording_test

import (
	"testing"

	"github.com/pion/rtp"

	"callrec/codec/g711"
	"callrec/recording"
)

// Digits and comfort noise take numbers of the leg's stream. They are kept out of
// the audio, and are not lost: whether there is SDP, or none, or it does not name them.
func TestDigitsAreNotLost(t *testing.T) {
	for name, payloads := range map[string]map[uint8]recording.Payload{
		"SDP":       {0: recording.PayloadPCMU, 13: recording.PayloadNoise, 101: recording.PayloadEvents},
		"no SDP":    nil,
		"not named": {0: recording.PayloadPCMU},
	} {
		t.Run(name, func(t *testing.T) { testDigitsAreNotLost(t, payloads) })
	}
}

func testDigitsAreNotLost(t *testing.T, payloads map[uint8]recording.Payload) {
	inWorld(t, func(w *world) {
		spec := callSpec("c", request(t, `{}`))
		spec.Legs = []recording.LegSpec{{Leg: recording.Caller, Payloads: payloads}}
		info, _, err := w.m.Announce(w.t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		other := func(i int) bool { return i >= 70 && i < 90 }
		k := talk{from: callerFrom, start: w.now(), octets: babble(3*rate, 1, g711.MuLaw), ssrc: 1, drop: func(i int) bool { return other(i) || i == 100 }}
		port := info.Legs[0].Ports.RTP
		w.send(port, k)
		want := newExpect(3 * rate)
		want.hear(0, 0, k.octets, k.law)
		want.hush(0, 100*160, 101*160)
		want.hush(0, 70*160, 90*160)
		for i := 70; i < 90; i++ {
			p := rtp.Packet{
				Header:  rtp.Header{Version: 2, PayloadType: 101 - 88*uint8(i%2), SSRC: 1, SequenceNumber: uint16(i), Timestamp: 70 * 160},
				Payload: []byte{5, 10, 0, 160},
			}
			b, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			w.push(port, callerFrom, k.start+70*20*ms, b)
		}
		w.sleep(3 * second)
		w.do("c", recording.Command{Action: recording.Hangup})
		f := w.file(info.Recordings[0].ID)
		// The packet that was lost is concealed, and nothing else is touched.
		mix, truth := f.wav(t, rate, 1), want.mono(0, 3*rate)
		same(t, "mix before the loss", mix[:100*160], truth[:100*160])
		same(t, "mix after it", mix[101*160:], truth[101*160:])
		now, _ := w.m.Info(info.Spec.ID)
		digits, ignored := uint64(1), uint64(0)
		if len(payloads) == 1 {
			digits, ignored = 0, 20
		}
		if q := now.Recordings[0].Quality.Legs[0]; q.Lost != 1 || q.Digits != digits || q.Ignored != ignored {
			t.Errorf("counted as %+v, want 1 lost, %d digits, %d ignored", q, digits, ignored)
		}
	})
}

package recording_test

import (
	"testing"

	"callrec/codec/g711"
	"callrec/recording"
)

// A recording that begins while another of the call runs in the other number of
// channels gets its own samples only. A call's first turn is shorter than the
// others: what a longer one has left in the shard's memory is no part of it.
func TestBeginBesideAnotherNumberOfChannels(t *testing.T) {
	for _, c := range []struct {
		running, begun string
		channels       int
	}{{`{}`, `{"channels":"stereo"}`, 2}, {`{"channels":"stereo"}`, `{}`, 1}} {
		inWorld(t, func(w *world) {
			other := w.announce("other", `{}`, `{"channels":"stereo"}`)
			w.send(other.Legs[0].Ports.RTP, talk{from: calleeFrom, start: w.now(), octets: babble(10*rate, 5, g711.MuLaw), ssrc: 5})
			w.sleep(2 * second)
			for i := range 10 {
				id := string(rune('a' + i))
				info := w.announce(id, c.running)
				w.sleep(173 * ms)
				info = w.do(id, recording.Command{Action: recording.Start, Start: []recording.Request{request(t, c.begun)}})
				w.sleep(2*second - 173*ms)
				w.do(id, recording.Command{Action: recording.Hangup})
				f, want := w.file(info.Recordings[1].ID), newExpect(2*rate)
				if c.channels == 2 {
					same(t, c.begun, f.wav(t, rate, 2), want.stereo(173*8, 2*rate))
				} else {
					same(t, c.begun, f.wav(t, rate, 1), want.mono(173*8, 2*rate))
				}
				w.sleep(23 * ms)
			}
		})
	}
}

package recording_test

import (
	"testing"

	"callrec/codec/g711"
	"callrec/recording"
)

// A disk that is too slow for its calls makes silence: no sample is moved, and the
// file has its length, whatever its rate.
func TestFullQueueToTheDisk(t *testing.T) {
	for _, c := range []struct {
		doc   string
		queue int64
		rate  int
	}{{`{}`, 7000, 8000}, {`{}`, 6500, 8000}, {`{"record_sample_rate":16000}`, 13000, 16000}, {`{"record_sample_rate":11025}`, 9500, 11025}} {
		inWorldWithDisk(t, c.queue, func(w *world) {
			info := w.announce("c", c.doc)
			k := talk{from: callerFrom, start: w.now(), octets: babble(20*rate, 1, g711.MuLaw), ssrc: 1}
			for i := range k.octets { // louder than silence at every sample
				if k.octets[i]&0x7f > 0x60 {
					k.octets[i] = 0x20
				}
			}
			w.send(info.Legs[0].Ports.RTP, k)
			w.sleep(10*second + 7*ms)
			w.do("c", recording.Command{Action: recording.Hangup})
			w.sleep(25 * second) // what is owed goes as there is room
			f := w.file(info.Recordings[0].ID)
			got := f.wav(t, c.rate, 1)
			n := 10*rate + 56
			if want := (n*c.rate + rate - 1) / rate; len(got) != want && len(got) != n*c.rate/rate {
				t.Errorf("%s, %d: %d samples, want %d", c.doc, c.queue, len(got), want)
			}
			now, _ := w.m.Info(info.Spec.ID)
			lost := now.Recordings[0].Quality.LostToDisk
			if lost == 0 {
				t.Errorf("%s, %d: nothing was lost", c.doc, c.queue)
			}
			if c.rate != rate {
				return
			}
			want := newExpect(n)
			want.hear(0, 0, k.octets, k.law)
			silent := 0
			for i, s := range want.mono(0, n) {
				if got[i] == 0 {
					silent++
				} else if got[i] != s {
					t.Fatalf("%s, %d: sample %d is %d, want %d or silence", c.doc, c.queue, i, got[i], s)
				}
			}
			if silent != int(lost*8) {
				t.Errorf("%s, %d: %d samples are silent, %v ms counted", c.doc, c.queue, silent, lost)
			}
		})
	}
}

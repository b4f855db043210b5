package recording_test

import (
	"testing"
	"time"

	"callrec/codec/g711"
	"callrec/recording"
)

// A mask of an instant that is written already begins at the first sample that is
// not, and the answer says by how much that is later.
func TestCommandsThatComeLateSayByHowMuch(t *testing.T) {
	inWorld(t, func(w *world) {
		begun := time.Now()
		info := w.announce("c", `{}`)
		k := talk{from: callerFrom, start: w.now(), octets: babble(9*rate, 1, g711.MuLaw), ssrc: 1}
		w.send(info.Legs[0].Ports.RTP, k)
		w.sleep(5 * second)
		if late := w.do("c", recording.Command{Action: recording.Answer, At: time.Now().Add(-500 * ms)}).Late; late != 0 {
			t.Errorf("a command in time is late by %v", late)
		}
		at := begun.Add(second)
		late := w.do("c", recording.Command{Action: recording.Mask, At: at}).Late
		if late < 2*second || late > 3*second+500*ms {
			t.Errorf("late by %v", late)
		}
		if now, _ := w.m.Info(info.Spec.ID); now.Late != 0 {
			t.Errorf("the picture is late by %v", now.Late)
		}
		w.sleep(2 * second)
		end := time.Now()
		w.do("c", recording.Command{Action: recording.Hangup, At: end})
		n := int(end.Sub(begun) * rate / second)
		want := newExpect(n)
		want.hear(0, 0, k.octets, k.law)
		want.hush(0, int((second+late)*rate/second), n)
		f := w.file(info.Recordings[0].ID)
		same(t, "mix", f.wav(t, rate, 1), want.mono(0, n))
	})
}

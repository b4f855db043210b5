package recording_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"callrec/codec/g711"
	"callrec/recording"
)

// Whatever ends lie in store for a record_caller, and however packets are delayed,
// the first of them counts. The oracle is a minimum.
func TestTheFirstEndCounts(t *testing.T) {
	reasons := map[string]int{}
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 11))
		spoken := (100 + r.IntN(300)) * 160
		key := 50 + r.IntN(450)
		limit := 5 + r.IntN(6)
		over := 2*rate + r.IntN(9*rate)
		inWorld(t, func(w *world) {
			l := w.open(readFlow(t, fmt.Sprintf(dictate, limit)), babbleAt(spoken, 3000), g711.ALaw, nil)
			if key < spoken/160-12 {
				k := l.caller
				k.start += time.Duration(r.IntN(300)) * ms
				w.pushDigit(l.info.Legs[0].Ports.RTP, k, key, 7, 10)
				l.want.hush(0, key*160, (key+10)*160)
			} else {
				key = 1 << 20
			}
			end, reason := min(key*160, spoken+5*rate, limit*rate, over), ""
			switch end {
			case key * 160:
				reason = fmt.Sprintf(`digit "7" %d`, end)
			case over:
				reason = fmt.Sprintf(`hangup "" %d`, end)
			case spoken + 5*rate:
				reason = fmt.Sprintf(`silence "" %d`, end)
			default:
				reason = fmt.Sprintf(`time_limit "" %d`, end)
			}
			reasons[reason[:6]]++
			w.sleep(time.Until(l.epoch.Add(time.Duration(over) * 125 * time.Microsecond)))
			w.do("a@b", recording.Command{Action: recording.Hangup})
			w.sleep(3 * second)
			told := w.dictated(l.epoch)
			if !slices.Contains(told, reason) || len(told) > 2 || len(told) == 2 && end != key*160 {
				t.Errorf("seed %d: told %q, want %s; spoken to %d, key at %d, limit %d, hang-up at %d", seed, told, reason, spoken, key*160, limit*rate, over)
				return
			}
			if end == over {
				info, _ := w.m.Info(l.info.Spec.ID)
				f := w.file(info.Recordings[0].ID)
				if n := len(f.wav(t, rate, 1)); n != end || len(info.Recordings) != 1 {
					t.Errorf("seed %d: %d samples and %d recordings, want %d and 1", seed, n, len(info.Recordings), end)
				}
				return
			}
			w.check(l, end, over)
		})
	}
	if len(reasons) != 4 {
		t.Errorf("only %v were tried", reasons)
	}
}

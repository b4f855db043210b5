package recording_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callrec/codec/g711"
	"callrec/codec/mp3"
	"callrec/codec/resample"
	"callrec/recording"
	"callrec/upload/spool"
)

// kill ends the worker as kill -9 does: what is in its folder now is what the next
// one finds, after so long. It returns what each part held then, in bytes.
func (w *world) kill(away time.Duration) map[string]int64 {
	w.t.Helper()
	synctest.Wait()
	to, held := w.t.TempDir(), map[string]int64{}
	list, err := os.ReadDir(w.home)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range list {
		b, err := os.ReadFile(filepath.Join(w.home, e.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, e.Name()), b, 0o600)
		}
		if err == nil { // the file system's clock is not ours
			err = os.Chtimes(filepath.Join(to, e.Name()), time.Now(), time.Now())
		}
		if err != nil {
			w.t.Fatal(err)
		}
		if id, ok := strings.CutSuffix(e.Name(), ".part"); ok {
			held[id[:39]] = int64(len(b))
		}
	}
	w.halt()
	w.home = to
	w.sleep(away)
	return held
}

// resume starts the worker anew, and wants so many calls to go on.
func (w *world) resume(first uint16, calls int, mods ...func(*recording.Config)) {
	w.t.Helper()
	w.boot(first, mods...)
	if n := w.m.Resume(w.t.Context()); n != calls {
		w.t.Fatalf("%d calls go on, want %d", n, calls)
	}
	synctest.Wait()
}

func keepParts(c *spool.Config) { c.KeepParts = true }

// party is a sender that outlives workers: it sends from one instant to another,
// whoever listens.
type party struct {
	start  time.Time
	from   talk
	octets []byte
}

func (w *world) speak(p *party, port uint16, from, to time.Duration) {
	w.t.Helper()
	k := p.from
	k.start = w.now() - time.Since(p.start) + from
	a, b := int(from*rate/second), int(to*rate/second)
	k.octets, k.ts, k.seq = p.octets[a:b], k.ts+uint32(a), k.seq+uint16(a/160)
	w.send(port, k)
}

// A worker is killed in mid-call and comes back: the call goes on, in the same
// file, with silence for the time in which nobody listened, and every sample before
// and after it where it belongs. Masks stay, limits stay, and so do ids.
func TestCallGoesOnAfterRestart(t *testing.T) {
	for _, c := range []struct {
		doc      string
		rate, ch int
		kills    int
	}{
		{`{}`, 8000, 1, 1},
		{`{"channels":"stereo"}`, 8000, 2, 2},
		{`{"record_sample_rate":16000}`, 16000, 1, 1},
		{`{"record_sample_rate":11025,"channels":"stereo"}`, 11025, 2, 2},
		{`{"record_sample_rate":44100}`, 44100, 1, 1},
		{`{"format":"mp3"}`, 16000, 1, 2},
		{`{"format":"mp3","record_sample_rate":11025,"channels":"stereo"}`, 11025, 2, 1},
	} {
		t.Run(fmt.Sprintf("%s,%d", c.doc, c.kills), func(t *testing.T) {
			inWorldOn(t, keepParts, func(w *world) {
				spec := recording.CallSpec{ID: recording.CallID{Account: "acc", Call: "c"}, From: "1001", At: time.Now(), Start: []recording.Request{request(t, c.doc)}}
				info, _, err := w.m.Announce(w.t.Context(), spec)
				if err != nil {
					t.Fatal(err)
				}
				id, begun := info.Recordings[0].ID, time.Now()
				var both [2]party
				for i, from := range []talk{{from: callerFrom, ssrc: 1, ts: 99, seq: 65000}, {from: calleeFrom, ssrc: 2, law: g711.ALaw}} {
					both[i] = party{begun, from, babble(40*rate, uint64(i), from.law)}
				}
				n := 30*rate + 77
				want := newExpect(n)
				for i := range both {
					want.hear(i, 0, both[i].octets, both[i].from.law)
				}
				speak := func(from, to time.Duration) {
					for i := range both {
						w.speak(&both[i], info.Legs[i].Ports.RTP, from, to)
					}
				}
				speak(0, 8*second)
				w.sleep(3*second + 13*ms)
				w.do("c", recording.Command{Action: recording.Mask})
				w.sleep(second)
				w.do("c", recording.Command{Action: recording.Unmask})
				want.hush(0, 3*rate+104, 4*rate+104)
				want.hush(1, 3*rate+104, 4*rate+104)
				w.sleep(4*second - 20*ms)
				var gaps [][2]int // of the call, in samples
				for k := range c.kills {
					died := time.Since(begun)
					held := w.kill(3*second + 400*ms)
					w.resume(20000, 1)
					at := time.Since(begun)
					until := at.Truncate(20*ms) + 4*second
					if k+1 == c.kills {
						until = 31 * second
					}
					speak(at.Truncate(20*ms)+20*ms, until)
					resumed := int(at * rate / second)
					end := fileEnd(c.doc, held[id], c.rate, c.ch)
					if late := died - time.Duration(end)*second/rate; late < 0 || late > 2500*ms {
						t.Errorf("kill %d: the file ended %v before it", k, late)
					}
					gaps = append(gaps, [2]int{end, resumed})
					for i := range both { // the packet that was under way at the start is not whole
						want.hush(i, end, int((at.Truncate(20*ms)+20*ms)*rate/second))
					}
					again, created, err := w.m.Announce(w.t.Context(), spec)
					if err != nil || created || len(again.Recordings) != 1 || again.Recordings[0].ID != id || again.Legs[1] != info.Legs[1] {
						t.Errorf("announced again: %+v, %v, %v", again, created, err)
					}
					other := spec
					other.From = "1002"
					var conflict *recording.ConflictError
					if _, _, err := w.m.Announce(w.t.Context(), other); !errors.As(err, &conflict) {
						t.Errorf("announced differently: %v", err)
					}
					w.sleep(4*second - 40*ms)
				}
				w.sleep(30*second + 77*second/rate - time.Since(begun))
				w.do("c", recording.Command{Action: recording.Hangup})
				f := w.file(id)
				if f.manifest.Interrupted || f.manifest.DurationMS != int64(n/8) {
					t.Errorf("interrupted %v, %d ms", f.manifest.Interrupted, f.manifest.DurationMS)
				}
				silent := 0
				for _, g := range gaps {
					silent += g[1] - g[0]
				}
				if q := quality(t, f); q.AwayMS < float64(silent)/8-300 || q.AwayMS > float64(silent)/8+1 && c.doc[2:8] != "format" {
					t.Errorf("%v ms away, want %v", q.AwayMS, float64(silent)/8)
				}
				pcm := want.mono(0, n)
				if c.ch == 2 {
					pcm = want.stereo(0, n)
				}
				wantResumed(t, f, pcm, gaps, c.rate, c.ch)
			})
		})
	}
}

// fileEnd is how far a part of so many bytes goes, in samples of the call.
func fileEnd(doc string, size int64, fileRate, ch int) int {
	if strings.Contains(doc, "mp3") {
		kbps := map[[2]int]int64{{16000, 1}: 32, {11025, 2}: 48}[[2]int{fileRate, ch}]
		return int((size-1024-250)*8*int64(rate)/1000/kbps) - rate/10
	}
	return int((size-44)/int64(2*ch)) * rate / fileRate
}

// wantResumed compares a file with what was said, but for the neighbourhood of
// where the gaps begin.
func wantResumed(t *testing.T, f file, pcm []int16, gaps [][2]int, fileRate, ch int) {
	t.Helper()
	if f.manifest.Ext == "mp3" {
		s := mp3.Walk(f.bytes, nil)
		if n := resample.OutLen(rate, fileRate, len(pcm)/ch); s.Faults != 0 || s.Samples != int64(n) {
			t.Errorf("%d samples, want %d: %+v", s.Samples, n, s)
		}
		return
	}
	got := f.wav(t, fileRate, ch)
	if fileRate != rate {
		r, err := resample.New(resample.Config{From: rate, To: fileRate, Channels: ch})
		if err != nil {
			t.Fatal(err)
		}
		pcm = r.Finish(r.Append(nil, pcm))
	}
	if len(got) == len(pcm) {
		for _, g := range gaps { // the joint: half a filter, and up to 320 samples
			from := (g[0] - 48) * fileRate / rate * ch
			to := (g[0] + 400) * fileRate / rate * ch
			if fileRate == rate {
				from = g[0] * ch
				to = from
			}
			copy(got[from:to], pcm[from:to])
		}
	}
	same(t, "resumed", got, pcm)
}

// A recording that was masked when the worker died stays masked, from the first
// sample on, until it is told otherwise. Its limit counts the time away.
func TestMaskAndLimitOutliveTheWorker(t *testing.T) {
	inWorldOn(t, keepParts, func(w *world) {
		info := w.announce("c", `{"time_limit":12}`)
		begun := time.Now()
		p := party{begun, talk{from: callerFrom, ssrc: 1}, babble(20*rate, 5, g711.MuLaw)}
		w.speak(&p, info.Legs[0].Ports.RTP, 0, 5*second)
		w.sleep(4 * second)
		w.do("c", recording.Command{Action: recording.Mask}) // answered: no kill can undo it
		w.kill(2 * second)
		w.resume(20000, 1)
		w.speak(&p, info.Legs[0].Ports.RTP, 6*second, 20*second)
		now, _ := w.m.Info(info.Spec.ID)
		if now.Recordings[0].State != recording.Masked {
			t.Errorf("it is %v", now.Recordings[0].State)
		}
		w.sleep(3 * second)
		w.do("c", recording.Command{Action: recording.Unmask})
		f := w.file(info.Recordings[0].ID)
		got := f.wav(t, rate, 1)
		want := newExpect(12 * rate)
		want.hear(0, 0, p.octets, g711.MuLaw)
		want.hush(0, 4*rate, 9*rate)
		for i := 2 * rate; i < 4*rate; i++ { // the end of what the file held
			if got[i] == 0 {
				want.legs[0][i] = 0
			}
		}
		same(t, "masked", got, want.mono(0, 12*rate))
	})
}

// What cannot go on is finished as it was, and says so.
func TestCallsThatCannotGoOn(t *testing.T) {
	far := func(c *recording.Config) { c.MediaTimeout = 2 * second }
	for name, c := range map[string]struct {
		doc    string
		before func(w *world)
		away   time.Duration
		first  uint16
		mod    func(*recording.Config)
	}{
		"its ports are not ours any more": {`{}`, nil, 3 * second, 30000, nil},
		"it is too long ago":              {`{}`, nil, 3 * second, 20000, far},
		"it had hung up":                  {`{}`, func(w *world) { w.do("c", recording.Command{Action: recording.Hangup}) }, second, 20000, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inWorldOn(t, keepParts, func(w *world) {
				info := w.announce("c", c.doc)
				p := party{time.Now(), talk{from: callerFrom, ssrc: 1}, babble(20*rate, 5, g711.MuLaw)}
				w.speak(&p, info.Legs[0].Ports.RTP, 0, 5*second)
				w.sleep(4 * second)
				if c.before != nil {
					c.before(w)
				}
				id := info.Recordings[0].ID
				held := w.kill(c.away)
				if c.mod == nil {
					c.mod = func(*recording.Config) {}
				}
				w.resume(c.first, 0, c.mod)
				f := w.file(id)
				if got := f.wav(t, rate, 1); !f.manifest.Interrupted || int64(len(got)) != (held[id]-44)/2 {
					t.Errorf("interrupted %v, %d samples of %d bytes", f.manifest.Interrupted, len(got), held[id])
				}
				if _, known := w.m.Info(info.Spec.ID); known {
					t.Error("the call is known")
				}
				w.announce("c", c.doc) // a new call, on any ports
			})
		})
	}
}

// A call of which nobody hears any more after the restart ends by the media time-out.
func TestResumedCallWithoutMediaEnds(t *testing.T) {
	inWorldOn(t, keepParts, func(w *world) {
		info := w.announce("c", `{}`)
		w.sleep(4 * second)
		w.kill(second)
		w.resume(20000, 1, func(c *recording.Config) { c.MediaTimeout = 10 * second })
		w.sleep(13 * second)
		f := w.file(info.Recordings[0].ID)
		if got := f.wav(t, rate, 1); len(got) < 15*rate || len(got) > 15*rate+rate/2 {
			t.Errorf("%d samples", len(got))
		}
	})
}

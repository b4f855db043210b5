package bench

import (
	"math"
	"net/http"
	"testing"
	"time"
)

// Kill -9 while a recording waits for the answer, and the answer comes when the worker
// is back: the recording that was announced is made, from its first sample on. A call of
// which nothing was recorded can be recorded then.
func TestArmedCallOutlivesTheWorker(t *testing.T) {
	t.Parallel()
	data, ports := t.TempDir(), "25700-25719"
	w := startWorker(t, data, "--rtp-ports", ports)
	call := w.announce("armed", map[string]any{"format": "wav", "channels": "stereo", "record_on_answer": true, "media_name": "answered.wav"}, nil)
	w.announce("bare", nil, nil)
	talks := [2]*talk{newTalk(75, 10), newTalk(76, 10)}
	done := bothSpeak(t, call, talks)
	if n := w.metric(`callrec_spool_recordings{state="part"}`); n != 0 {
		t.Errorf("%v parts in the spool", n)
	}
	time.Sleep(1500 * time.Millisecond)
	w.kill()
	time.Sleep(time.Second)
	w = startWorker(t, data, "--rtp-ports", ports)
	a := w.do(http.MethodGet, "/channels/armed", nil)
	if a.Code != http.StatusOK || len(a.Data.Recordings) != 1 || a.Data.Legs[1] != call.Legs[1] {
		t.Fatalf("the call is now %d %s", a.Code, a.Raw)
	}
	if got, want := a.Data.Recordings[0], call.Recordings[0]; got.State != "armed" || got.ID != want.ID || got.MediaName != "answered.wav" {
		t.Errorf("the recording is now %+v, was %+v", got, want)
	}
	if n := w.metric(`callrec_spool_recordings{state="part"}`); n != 0 {
		t.Errorf("%v parts in the spool after the restart", n)
	}
	answered := time.Now()
	w.act("armed", "answer")
	a = w.do(http.MethodPut, "/channels/bare", map[string]any{"action": "metaflow", "data": map[string]any{
		"module": "record_call", "data": map[string]any{"action": "start", "format": "wav"},
	}})
	if a.Code != http.StatusOK || len(a.Data.Recordings) != 1 {
		t.Fatalf("starting a recording: %d %s", a.Code, a.Raw)
	}
	done()
	over := time.Now()
	w.act("armed", "hangup")
	w.act("bare", "hangup")
	f := w.fetch(call.Recordings[0].ID, 15*time.Second)
	if f.Stopped || f.channels != 2 || f.Started.Sub(answered).Abs() > 100*time.Millisecond {
		t.Errorf("interrupted: %v; %d channels; it began %v after the answer", f.Stopped, f.channels, f.Started.Sub(answered))
	}
	if off := over.Sub(f.Started) - time.Duration(len(f.pcm)/2)*sample; off.Abs() > 100*time.Millisecond {
		t.Errorf("the file is %v too short", off)
	}
	for leg, k := range talks {
		got := f.leg(leg)
		wantSame(t, []string{"caller", "callee"}[leg], got, k.aroundGap(got, f.Started, 0, 0, true))
	}
	if f := w.fetch(a.Data.Recordings[0].ID, 15*time.Second); f.Stopped {
		t.Error("the recording of the call without any says that it was interrupted")
	}
	w.terminate(20 * time.Second)
	spoolIsEmpty(t, data)
}

// Kill -9 during a record_caller: it goes on in the same file, a key that is pressed
// when the worker is back ends it, and what follows begins at that sample.
func TestDictationOutlivesTheWorker(t *testing.T) {
	t.Parallel()
	data, ports := t.TempDir(), "25720-25739"
	w := startWorker(t, data, "--rtp-ports", ports)
	call := w.announce("dictated", nil, map[string]any{"flow": map[string]any{
		"module": "record_caller", "data": map[string]any{"format": "wav"},
		"children": map[string]any{"_": map[string]any{
			"module": "record_call", "data": map[string]any{"action": "start", "format": "wav", "channels": "stereo"},
		}},
	}})
	talks := [2]*talk{newTalk(77, 13), newTalk(78, 13)}
	const pressed = 9 * 8000 // the 5, where somebody listens again
	for i := range 1200 {
		x := 2 * math.Pi * float64(i) / 8000
		talks[0].octets[pressed+i] = compress(4000 * (math.Sin(770*x) + math.Sin(1336*x)))
	}
	done := bothSpeak(t, call, talks)
	time.Sleep(4 * time.Second)
	w.kill()
	killed := time.Now()
	time.Sleep(time.Second)
	w = startWorker(t, data, "--rtp-ports", ports)
	back := time.Now()
	done()
	if back.After(talks[0].origin().Add(8 * time.Second)) {
		t.Skipf("the machine is too busy: the worker was back after %v", back.Sub(killed))
	}
	a := w.do(http.MethodGet, "/channels/dictated", nil)
	if a.Code != http.StatusOK || len(a.Data.Recordings) != 2 || a.Data.Recordings[0].ID != call.Recordings[0].ID {
		t.Fatalf("the call is now %d %s", a.Code, a.Raw)
	}
	w.act("dictated", "hangup")
	one, two := w.fetch(call.Recordings[0].ID, 15*time.Second), w.fetch(a.Data.Recordings[1].ID, 15*time.Second)
	if one.Stopped || two.Stopped || one.channels != 1 || two.channels != 2 {
		t.Errorf("interrupted: %v, %v; %d and %d channels", one.Stopped, two.Stopped, one.channels, two.channels)
	}
	at := func(t time.Time) int { return int(t.Sub(one.Started) / sample) }
	want := talks[0].aroundGap(one.pcm, one.Started, at(killed.Add(-2500*time.Millisecond)), at(back.Add(60*time.Millisecond)), true)
	wantSame(t, "the caller", one.pcm, want)
	begun := at(talks[0].origin())
	if off := len(one.pcm) - begun - pressed; max(off, -off) > 400+64 {
		t.Errorf("the caller's recording ends %d samples from the key", off)
	}
	if off := two.Started.Sub(one.Started) - time.Duration(len(one.pcm))*sample; off.Abs() > 2*sample {
		t.Errorf("what follows begins %v after its end", off)
	}
	for leg, k := range talks {
		got := two.leg(leg)
		wantSame(t, []string{"caller", "callee"}[leg], got, k.aroundGap(got, two.Started, 0, 0, true))
	}
	w.terminate(20 * time.Second)
	spoolIsEmpty(t, data)
}

package bench

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// bothSpeak sends two talks to a call, until they end or the test does.
func bothSpeak(t *testing.T, call callData, talks [2]*talk) (done func()) {
	finished := make(chan struct{}, 2)
	for leg, name := range []string{"caller", "callee"} {
		conn, to := udp(t, "127.0.0.1:0"), call.port(t, name)
		go func() {
			talks[leg].speak(t, conn, to)
			finished <- struct{}{}
		}()
	}
	return func() { <-finished; <-finished }
}

// Kill -9 in mid-call, and the ports are no more: what the worker leaves on the disk
// is made a file by the next start, and delivered. It lacks nothing but the last 2.5 s.
func TestKilledInMidCall(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	w := startWorker(t, data, "--rtp-ports", "24860-24869")
	call := w.announce("killed", nil, twoFiles())
	talks := [2]*talk{newTalk(71, 6), newTalk(72, 6)}
	bothSpeak(t, call, talks)() // the senders never hear of it
	w.kill()
	killed := time.Now()
	if left, err := filepath.Glob(filepath.Join(data, "spool", "*.part")); err != nil || len(left) != 2 {
		t.Errorf("the spool has %v, %v", left, err)
	}

	w = startWorker(t, data, "--rtp-ports", "24870-24879")
	stereo := w.fetch(call.Recordings[0].ID, 15*time.Second)
	mono := w.fetch(call.Recordings[1].ID, 15*time.Second)
	if stereo.channels != 2 || !stereo.Stopped || mono.channels != 1 || !mono.Stopped {
		t.Errorf("%d and %d channels, interrupted: %v, %v", stereo.channels, mono.channels, stereo.Stopped, mono.Stopped)
	}
	held := time.Duration(len(mono.pcm)) * sample
	t.Logf("the files hold what was received more than %v before the kill", killed.Sub(mono.Started)-held)
	if missing := killed.Sub(mono.Started) - held; missing > 2500*time.Millisecond {
		t.Errorf("%v are missing", missing)
	}
	// The two files were handed to the disk as one; but each is judged by itself.
	var want [2]*channel
	for leg := range talks {
		k, got := talks[leg], stereo.leg(leg)
		offset, _ := k.locate(got, stereo.Started, 0, len(k.sent), 8)
		want[leg] = newChannel(max(len(got), len(mono.pcm)))
		k.lay(want[leg], offset, 0, len(k.sent))
		wantSame(t, "stereo", got, want[leg].pcm[:len(got)])
	}
	wantSame(t, "mono", mono.pcm, sum(want[0].pcm, want[1].pcm)[:len(mono.pcm)])
	if parts, _ := filepath.Glob(filepath.Join(data, "spool", "*.part")); len(parts) > 0 {
		t.Errorf("the spool still has %v", parts)
	}
	w.terminate(10 * time.Second)
}

// Kill -9 in mid-call, and the worker is back within three seconds: the call goes on.
// Its files hold both halves, each where it was said, and silence between them;
// commands of the second half work as ever.
func TestCallOutlivesTheWorker(t *testing.T) {
	t.Parallel()
	data, ports := t.TempDir(), "24940-24949"
	w := startWorker(t, data, "--rtp-ports", ports)
	call := w.announce("outlives", nil, twoFiles())
	talks := [2]*talk{newTalk(73, 12), newTalk(74, 12)}
	done := bothSpeak(t, call, talks)
	time.Sleep(4500 * time.Millisecond)
	w.kill()
	killed := time.Now()
	time.Sleep(1500 * time.Millisecond)
	w = startWorker(t, data, "--rtp-ports", ports)
	back := time.Now()
	t.Logf("back after %v", back.Sub(killed))
	a := w.do(http.MethodGet, "/channels/outlives", nil)
	if a.Code != http.StatusOK || len(a.Data.Recordings) != 2 || a.Data.Recordings[0].State != "recording" || a.Data.Legs[1] != call.Legs[1] {
		t.Fatalf("the call is now %d %s", a.Code, a.Raw)
	}
	again := map[string]any{"call_id": "outlives", "from": "1001@acme.example", "to": "1002@acme.example"}
	for k, v := range twoFiles() {
		again[k] = v
	}
	if a := w.do(http.MethodPut, "/channels", again); a.Code != http.StatusOK {
		t.Errorf("announced again: %d %s", a.Code, a.Raw)
	}
	w.act("outlives", "answer")
	done()
	over := time.Now() // the answer waits for a disk, the instant does not
	w.act("outlives", "hangup")
	stereo := w.fetch(call.Recordings[0].ID, 15*time.Second)
	mono := w.fetch(call.Recordings[1].ID, 15*time.Second)
	if stereo.Stopped || mono.Stopped || len(stereo.pcm) != 2*len(mono.pcm) {
		t.Errorf("interrupted: %v, %v; %d and %d samples", stereo.Stopped, mono.Stopped, len(stereo.pcm)/2, len(mono.pcm))
	}
	if off := over.Sub(stereo.Started) - time.Duration(len(mono.pcm))*sample; off.Abs() > 100*time.Millisecond {
		t.Errorf("the files are %v too short", off)
	}
	at := func(t time.Time) int { return int(t.Sub(stereo.Started) / sample) }
	// Nothing received more than 2.5 s before the kill may be missing, nor anything
	// after the worker was back, but for the packet under way.
	from, to := at(killed.Add(-2500*time.Millisecond)), at(back.Add(40*time.Millisecond))
	var want [2][]int16
	for leg, k := range talks {
		got := stereo.leg(leg)
		want[leg] = k.aroundGap(got, stereo.Started, from, to, true)
		wantSame(t, []string{"caller", "callee"}[leg], got, want[leg])
	}
	both, gap := sum(want[0], want[1]), 0
	for p := from; p < to; p++ { // the mono file was handed to the disk by itself
		if mono.pcm[p] == 0 || p > at(killed) {
			both[p] = mono.pcm[p]
		}
		if mono.pcm[p] == 0 {
			gap++
		}
	}
	wantSame(t, "mono", mono.pcm, both)
	if gap < at(back)-at(killed)-8000 {
		t.Errorf("only %d samples are silent", gap)
	}
	w.terminate(10 * time.Second)
}

// aroundGap is what a leg of a file should hold in which nobody listened from some
// sample to another: the talk before it, and after it if the call went on; each half
// lies where it is found, since the second has been anchored anew. In between it may
// be silent, or hold what one of the halves says.
func (k *talk) aroundGap(got []int16, started time.Time, from, to int, goesOn bool) []int16 {
	begun := int(k.origin().Sub(started) / sample)
	packet := func(pos int) int { return min(max((pos-begun)/frame, 0), len(k.sent)) }
	first, second := newChannel(len(got)), newChannel(len(got))
	slack := 400 + int(min(k.lag(), time.Second)/sample) // a sender that is late is heard late
	offset, _ := k.locate(got, started, 0, packet(min(from, len(got))), slack)
	k.lay(first, offset, 0, len(k.sent))
	if goesOn && packet(to)+50 > len(k.sent) {
		copy(first.pcm[min(max(from, 0), len(got)):], got[min(max(from, 0), len(got)):]) // a second of it does not tell where it lies
	} else if goesOn {
		offset, _ = k.locate(got, started, packet(to)+1, len(k.sent), slack)
		k.lay(second, offset, 0, len(k.sent))
		copy(first.pcm[min(max(to, 0), len(got)):], second.pcm[min(max(to, 0), len(got)):])
	}
	for p := max(from, 0); p < min(to, len(got)); p++ {
		if got[p] == 0 || (goesOn && got[p] == second.pcm[p]) {
			first.pcm[p] = got[p]
		}
	}
	return first.pcm
}

// ready is the status of /readyz.
func (w *worker) ready() int {
	w.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+w.ops+"/readyz", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// drain sends SIGTERM and waits until the worker says that it takes no more.
func (w *worker) drain() {
	w.t.Helper()
	if got := w.ready(); got != http.StatusOK {
		w.t.Errorf("/readyz says %d before", got)
	}
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); w.ready() != http.StatusServiceUnavailable; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatal("/readyz does not say that the worker drains")
		}
	}
}

// exited waits for the worker's end, and wants it to be a good one.
func (w *worker) exited(within time.Duration) {
	w.t.Helper()
	select {
	case err := <-w.ended:
		w.ended <- err
		if err != nil {
			w.t.Errorf("the worker ended with %v", err)
		}
	case <-time.After(within):
		w.t.Fatalf("the worker has not ended after %v", within)
	}
	if left, err := os.ReadDir(filepath.Join(w.data, "spool")); err != nil || len(left) > 1 { // the lock
		w.t.Errorf("the spool still holds %v, %v", left, err)
	}
}

// SIGTERM: new calls go elsewhere, the running one lasts as long as it wants,
// with all its commands, and then the worker ends.
func TestTermDrains(t *testing.T) {
	t.Parallel()
	w := startWorker(t, t.TempDir(), "--rtp-ports", "24880-24889")
	call := w.stereoCall("running", nil)
	talks := [2]*talk{newTalk(81, 3), newTalk(82, 3)}
	done := bothSpeak(t, call, talks)
	time.Sleep(500 * time.Millisecond)
	w.drain()
	if a := w.do(http.MethodPut, "/channels", map[string]any{"call_id": "new"}); a.Code != http.StatusServiceUnavailable {
		t.Errorf("announced while draining: %d %s", a.Code, a.Raw)
	}
	if again := w.retryAfter(map[string]any{"call_id": "new"}); again == "" {
		t.Error("no Retry-After while draining")
	}
	w.act("running", "answer")
	done()
	select {
	case err := <-w.ended:
		w.ended <- err
		t.Fatalf("the worker ended with a running call: %v", err)
	default:
	}
	w.act("running", "hangup")
	w.exited(15 * time.Second)
	f := w.fetch(call.Recordings[0].ID, time.Second)
	wantOnly(t, f, talks)
	if f.Stopped {
		t.Error("the file says that it was interrupted")
	}
}

// A second SIGTERM ends the running calls there and then; their files are whole.
func TestSecondTermEndsCalls(t *testing.T) {
	t.Parallel()
	w := startWorker(t, t.TempDir(), "--rtp-ports", "24890-24899")
	call := w.stereoCall("running", nil)
	other := w.stereoCall("other", nil)
	talks := [2]*talk{newTalk(91, 5), newTalk(92, 5)}
	done := bothSpeak(t, call, talks)
	time.Sleep(1500 * time.Millisecond)
	w.drain()
	time.Sleep(300 * time.Millisecond)
	before := time.Now()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	w.exited(10 * time.Second)
	if took := time.Since(before); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	done() // nobody listens any more
	f := w.fetch(call.Recordings[0].ID, time.Second)
	wantOnly(t, f, talks)
	if end := f.Started.Add(time.Duration(len(f.pcm)/2) * sample); end.Sub(before).Abs() > 250*time.Millisecond || f.Stopped {
		t.Errorf("the file ends %v after the signal, interrupted: %v", end.Sub(before), f.Stopped)
	}
	wantOnly(t, w.fetch(other.Recordings[0].ID, time.Second), [2]*talk{})
}

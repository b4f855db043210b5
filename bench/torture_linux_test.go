package bench

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// moments are when a worker is killed: in mid-call, while files are finished, while
// they are sent, and while the next worker still repairs what the first has left.
var moments = []string{"capture", "finish", "upload", "recovery"}

// victim is one call of a torture, and what is known of it.
type victim struct {
	id       string
	call     callData
	talks    [2]*talk
	done     func()
	hungUp   time.Time
	outlived bool // hung up after the kill
	armed    bool // when it came; answered after it
}

// Twenty calls, and kill -9 at a random moment: every file arrives, once, repeats
// with the same bytes, it decodes, and every sample of it that was received more than 2.5 s
// before the kill, or after the worker was back, is where it was said; what waited for the
// answer when the kill came is what was said after it. A run takes
// about 12 s. CALLREC_TORTURE says how many there are: 200 take 40 minutes, so that
// they want -timeout 1h.
func TestKillTorture(t *testing.T) {
	runs := 3
	if long() {
		runs = 12
	}
	if n := os.Getenv("CALLREC_TORTURE"); n != "" {
		var err error
		if runs, err = strconv.Atoi(n); err != nil || runs < 1 {
			t.Fatalf("CALLREC_TORTURE is %q, want a number of runs", n)
		}
	}
	if runs <= 3 {
		t.Parallel()
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r, data, rec := rand.New(rand.NewPCG(seed, 9)), t.TempDir(), newReceiver(t)
	rec.set(true)
	for run := range runs {
		moment := moments[r.IntN(len(moments))]
		if runs <= 3 { // chance might miss what matters
			moment = moments[[]int{0, 1, 3}[run%3]]
		}
		if !t.Run(fmt.Sprintf("%d-%s", run, moment), func(t *testing.T) { torture(t, r, data, rec, run, moment) }) {
			break // the folder shows what it was
		}
	}
}

func torture(t *testing.T, r *rand.Rand, data string, rec *receiver, run int, moment string) {
	upTo := func(d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }
	start := func() *worker { return startWorker(t, data, "--rtp-ports", "25000-25199", "--upload-keep", "1h") }
	w := start()
	victims := make([]*victim, 20)
	for i := range victims {
		format := "wav"
		if i%5 == 4 {
			format = "mp3"
		}
		v := &victim{id: fmt.Sprintf("run%d-%d", run, i), talks: [2]*talk{newTalk(uint64(100*run+2*i), 8.5), newTalk(uint64(100*run+2*i+1), 8.5)}}
		v.armed = i >= 10 && i%5 == 3
		v.call = w.announce(v.id, map[string]any{"format": format, "channels": "stereo", "url": rec.URL, "method": "put", "record_on_answer": v.armed}, nil)
		v.done = bothSpeak(t, v.call, v.talks)
		victims[i] = v
	}
	time.Sleep(3*time.Second + upTo(time.Second)) // a second half is left in any case
	if moment == "finish" || moment == "upload" {
		for _, v := range victims[:10] {
			v.hangUp(w)
		}
		time.Sleep(map[string]time.Duration{"finish": upTo(1300 * time.Millisecond), "upload": time.Second + upTo(700*time.Millisecond)}[moment])
	}
	w.kill()
	killed := time.Now()
	if moment == "recovery" {
		half := halfStarted(t, data)
		time.Sleep(upTo(150 * time.Millisecond))
		_ = half.Process.Kill()
		_ = half.Wait() // killed, and says so
	}
	w = start()
	back := time.Now()
	for _, v := range victims {
		if v.armed {
			v.call = w.act(v.id, "answer")
		}
	}
	for _, v := range victims {
		v.done()
	}
	for _, v := range victims {
		if v.hungUp.IsZero() {
			v.outlived = true
			v.hangUp(w) // the call is known again
		}
	}
	eventually(t, "all files arrive", 60*time.Second, func() bool { return rec.count(fmt.Sprintf("/call_recording_run%d-", run)) == len(victims) })
	for _, v := range victims {
		before := t.Failed()
		v.judge(t, rec, killed, back)
		if t.Failed() && !before {
			for line := range strings.Lines(w.log.String()) {
				if strings.Contains(line, `"`+v.id+`"`) || strings.Contains(line, "clock was set") {
					t.Log(line)
				}
			}
		}
	}
	eventually(t, "the index knows that all are delivered", 30*time.Second, func() bool {
		return !slices.ContainsFunc(victims, func(v *victim) bool { return w.indexed(v.call.Recordings[0].ID) != "delivered" })
	})
	if q := w.metric("callrec_spool_quarantined_total"); q != 0 {
		t.Errorf("%v files in quarantine", q)
	}
	w.terminate(20 * time.Second)
	if left, err := filepath.Glob(filepath.Join(data, "spool", "*")); err != nil || len(left) > 1 { // the lock
		t.Errorf("the spool still holds %v, %v", left, err)
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if n := len(rec.clashes); n > 0 || len(rec.objects) != (run+1)*len(victims) {
		t.Errorf("%d objects, clashes %v", len(rec.objects), rec.clashes)
	}
}

// halfStarted starts a worker and does not wait for it.
func halfStarted(t *testing.T, data string) *exec.Cmd {
	t.Helper()
	name, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, "serve", "--data", data, "--http", "127.0.0.1:0", "--ops", "127.0.0.1:0",
		"--rtp-address", "127.0.0.1", "--allow-target", "127.0.0.0/8", "--rtp-ports", "25000-25199")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// hangUp says when it is, so that the end does not depend on how soon a busy worker
// reads it.
func (v *victim) hangUp(w *worker) {
	w.t.Helper()
	v.hungUp = time.Now().Truncate(time.Millisecond)
	at := v.hungUp.UTC().Format("2006-01-02T15:04:05.000Z")
	if a := w.do(http.MethodPost, "/channels/"+v.id, map[string]any{"action": "hangup", "at": at}); a.Code != http.StatusOK {
		w.t.Fatalf("hang-up of %s: %d %s", v.id, a.Code, a.Raw)
	}
}

func (r *receiver) count(prefix string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for path := range r.objects {
		if strings.HasPrefix(path, prefix) {
			n++
		}
	}
	return n
}

func (v *victim) judge(t *testing.T, rec *receiver, killed, back time.Time) {
	t.Helper()
	rec.mu.Lock()
	wav, isWAV := rec.objects["/call_recording_"+v.id+".wav"]
	mp3, isMP3 := rec.objects["/call_recording_"+v.id+".mp3"]
	rec.mu.Unlock()
	if isWAV == isMP3 {
		t.Errorf("%s: as WAV %v, as MP3 %v", v.id, isWAV, isMP3)
		return
	}
	started := v.call.Recordings[0].Started
	at := func(t time.Time) int { return int(t.Sub(started) / sample) }
	from, to := at(killed.Add(-2500*time.Millisecond)), at(back.Add(60*time.Millisecond))
	if v.armed {
		from, to = 0, max(0, at(back.Add(20*time.Millisecond))) // it begins after the gap, but perhaps within a packet that came before its end
	}
	const rounded = 16 // two times are told in milliseconds
	most := at(v.hungUp) + rounded
	least := min(most-2*rounded, from) // samples that the file must have
	if v.outlived {
		least = most - 2*rounded
	}
	if isMP3 {
		if n, ok := decodedMP3(t, mp3); ok && n/2 < least {
			t.Errorf("%s: %d samples, want %d", v.id, n/2, least)
		}
		return
	}
	f, err := parseWAV(wav)
	if err != nil {
		t.Errorf("%s: %v", v.id, err)
		return
	}
	if n := len(f.pcm) / 2; n < least || n > most {
		t.Errorf("%s: %d samples, want %d to %d", v.id, n, least, most)
	}
	for leg, k := range v.talks {
		got := f.leg(leg)
		wantSame(t, fmt.Sprintf("%s, leg %d", v.id, leg), got, k.aroundGap(got, started, from, to, v.outlived))
	}
}

// decodedMP3 lets mpg123, where it is installed, decode a file, and counts the samples.
func decodedMP3(t *testing.T, b []byte) (n int, ok bool) {
	t.Helper()
	if _, err := exec.LookPath("mpg123"); err != nil {
		return 0, false
	}
	name := filepath.Join(t.TempDir(), "x.mp3")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	var complaints strings.Builder
	cmd := exec.Command("mpg123", "-q", "-s", "--no-resync", name)
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Errorf("mpg123: %v: %s", err, complaints.String())
	}
	return len(out) / 4, true // stereo, 16 bits
}

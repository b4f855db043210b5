package bench

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// soakCalls is how many calls live at once.
const soakCalls = 200

// soak is one run of churn and what is known of it.
type soak struct {
	t       *testing.T
	w       *worker
	rec     *flapping // the receiver of everybody but poor
	refuser *flapping // that of poor
	seed    uint64
	live    atomic.Int64
	calls   sync.WaitGroup
	heard   map[string]*listening // by account

	mu      sync.Mutex
	all     []*soakCall // that were over
	ended   []string    // call ids that may be used again
	known   map[string]owned
	firsts  map[*soakCall]bool
	reused  int
	refused int // calls that the worker had no room for
	checked int // files compared sample by sample
	void    int // that were not, because their sender was late
	wrong   []error
}

// owned says whose a recording is.
type owned struct {
	call  *soakCall
	first bool // the one its announcement made
}

// soakTime is how long the churn shall last: CALLREC_SOAK, or a minute when tests are long.
func soakTime(t *testing.T) time.Duration {
	if s := os.Getenv("CALLREC_SOAK"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil || d < 20*time.Second {
			t.Fatalf("CALLREC_SOAK is %q, want a duration of at least 20s", s)
		}
		return d
	}
	if !long() {
		t.Skip("takes some minutes: CALLREC_LONG=1, or CALLREC_SOAK=30m")
	}
	return time.Minute
}

// TestSoak: 200 calls at once, each of 2 to 60 s, of all soakKinds, to a receiver that is
// away a third of the time. Every recording is accounted for, by what the calls were
// told, by what the receiver has, by the index, by the metrics and by the events; no two
// have the same name; files are as long as their calls, those that are compared hold what
// was sent, sample by sample; and memory, goroutines and open files do not grow.
func TestSoak(t *testing.T) {
	d := soakTime(t)
	const need = 1000*filesEach + filesElse
	if have, err := openFiles(); err != nil || have < need {
		t.Skipf("needs %d open files, the limit is %d (ulimit -Hn, %v)", need, have, err)
	}
	s := &soak{
		t: t, rec: newFlapping(t), refuser: newFlapping(t), seed: rand.Uint64(),
		known: map[string]owned{}, firsts: map[*soakCall]bool{}, heard: map[string]*listening{},
	}
	t.Logf("seed %d, %v", s.seed, d)
	s.rec.keep = s.keeps
	s.refuser.temper.Store(int32(refuses))
	s.w = startWorker(t, t.TempDir(), "--rtp-ports", "26000-29999")
	for _, account := range []string{"acc", "poor"} {
		s.heard[account] = s.listen(account)
	}
	idle := s.look()
	stopFlapping, flapped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(flapped)
		s.rec.flap(stopFlapping)
	}()
	watched := s.watch(d, s.churn(d))
	eventually(t, "the last calls are over", 2*time.Minute, func() bool { return s.live.Load() == 0 })
	close(stopFlapping)
	<-flapped
	eventually(t, "all is delivered", 5*time.Minute, s.nothingWaits)
	s.calls.Wait()
	s.account()
	s.flat(watched)
	s.backTo(idle)
	s.mend()
	s.w.terminate(30 * time.Second)
	spoolIsEmpty(t, s.w.data)
	for i, err := range s.wrong {
		if i == 30 {
			t.Errorf("and %d more", len(s.wrong)-i)
			break
		}
		t.Error(err)
	}
}

// churn keeps calls alive for d, in the background.
func (s *soak) churn(d time.Duration) (done chan struct{}) {
	done = make(chan struct{})
	longest := min(60*time.Second, d/2)
	r := rand.New(rand.NewPCG(s.seed, 1))
	go func() {
		defer close(done)
		n := 0
		for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) {
			var some []*soakCall
			for range min(20, soakCalls-int(s.live.Load())) {
				some = append(some, s.newCall(r, n, longest))
				n++
			}
			s.live.Add(int64(len(some)))
			if len(some) > 0 {
				s.cohort(some)
			}
		}
	}()
	return done
}

// newCall draws a call.
func (s *soak) newCall(r *rand.Rand, n int, longest time.Duration) *soakCall {
	c := &soakCall{
		s: s, n: n, id: fmt.Sprintf("soak-%d@10.0.0.%d", n, n%250), account: "acc", kind: drawKind(r), format: []string{"wav", "mp3"}[r.IntN(2)],
		packets: int((2*time.Second + time.Duration(r.Int64N(int64(longest-2*time.Second)))) / ptime), r: rand.New(rand.NewPCG(s.seed, uint64(n)+2)),
	}
	c.stereo = c.format == "wav" && r.IntN(4) == 0
	if c.kind.fate == "parked" {
		c.account = "poor"
		return c
	}
	if r.IntN(10) > 0 {
		return c
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := len(s.ended); k > 0 { // the id of a call that was, soon after it or long after
		i := r.IntN(k)
		c.id = s.ended[i]
		s.ended = append(s.ended[:i], s.ended[i+1:]...)
		s.reused++
	}
	return c
}

// note keeps an error.
func (s *soak) note(err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(err, errRefused) {
		s.refused++
		return
	}
	s.wrong = append(s.wrong, err)
}

// knows notes the recordings of a call.
func (s *soak) knows(c *soakCall, recordings []recordingData) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range recordings {
		was, ok := s.known[r.ID]
		switch {
		case !ok:
			s.known[r.ID] = owned{c, !s.firsts[c]}
			s.firsts[c] = true
		case was.call != c:
			s.wrong = append(s.wrong, fmt.Errorf("recording %s of call %s is of call %s, too", r.ID, was.call.id, c.id))
		}
	}
}

// over says that nothing more will happen in a call.
func (s *soak) over(c *soakCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, c)
	if c.account == "acc" {
		s.ended = append(s.ended, c.id)
	}
}

// keeps says which files are compared with what was sent: every third WAV file of
// those that can be.
func (s *soak) keeps(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.known[id]
	return o.first && o.call.compared()
}

func (c *soakCall) compared() bool {
	return (c.kind.exact || c.kind.name == "caller") && c.format == "wav" && c.n%3 == 0
}

// tooLate is a lag of a sender beyond which its stream may be taken for another's, that
// comes earlier than it can (jitter.Early): then samples are no promise.
const tooLate = 200 * time.Millisecond

// judge compares the file of a call with what its legs have sent.
func (c *soakCall) judge(lag time.Duration) error {
	if !c.compared() {
		return nil
	}
	var file []byte
	for end := time.Now().Add(6 * time.Minute); file == nil; time.Sleep(200 * time.Millisecond) {
		if file = c.s.rec.file(c.first); time.Now().After(end) {
			return fmt.Errorf("%s of %s never arrived, so that it is not compared", c.first, c.kind.name)
		}
	}
	f, err := parseWAV(file)
	if err == nil {
		err = c.compare(&f)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if err != nil && lag > tooLate {
		c.s.void++
		return nil
	}
	c.s.checked++
	if err != nil {
		err = fmt.Errorf("%s of %s (%s, %d packets, sender's lag %v): %w", c.first, c.id, c.kind.name, c.packets, lag, err)
	}
	return err
}

func (c *soakCall) compare(f *recorded) error {
	caller, callee := speechOf(2*c.n), speechOf(2*c.n+1)
	switch {
	case c.kind.name == "caller":
		return saysOnly(f.pcm, caller, c.packets)
	case f.channels == 2:
		return errors.Join(saysOnly(f.leg(0), caller, c.packets), saysOnly(f.leg(1), callee, c.packets-calleeWaits))
	}
	m := mixture{caller: caller, callee: callee, packets: c.packets}
	if err := m.find(f.pcm); err != nil {
		return err
	}
	if n, first := m.differing(f.pcm); n > 0 {
		return fmt.Errorf("%d of %d samples differ, the first at %d; the legs begin at %v", n, len(f.pcm), first, m.at)
	}
	return nil
}

// saysOnly: so many packets of one leg, or as many as the file has room for, and else silence.
func saysOnly(pcm []int16, says speech, packets int) error {
	at := 0
	for at < len(pcm) && pcm[at] == 0 {
		at++
	}
	if at == len(pcm) || at > 8000 {
		return fmt.Errorf("nothing is heard up to sample %d of %d", at, len(pcm))
	}
	for i, v := range pcm {
		want := int32(0)
		if k := i - at; k >= 0 && k < packets*perPacket {
			want = says.sample(k)
		}
		if int32(v) != want {
			return fmt.Errorf("sample %d of %d is %d, want %d; the leg begins at %d", i, len(pcm), v, want, at)
		}
	}
	return nil
}

// file takes a kept file out.
func (f *flapping) file(id string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.took[id]
	if a == nil {
		return nil
	}
	b := a.file
	a.file = nil
	return b
}

// nothingWaits: every call is over, and every file delivered or parked.
func (s *soak) nothingWaits() bool {
	m := s.w.metrics()
	left := m["callrec_calls"]
	for name, v := range m {
		if strings.HasPrefix(name, `callrec_uploads{`) || name == `callrec_spool_recordings{state="part"}` || name == `callrec_spool_recordings{state="ready"}` || name == "callrec_index_queued" {
			left += v
		}
	}
	return left == 0
}

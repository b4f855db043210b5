package bench

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// seen is what the worker took of the machine at one moment.
type seen struct {
	at         time.Time
	live       float64 // bytes of the heap that the last collection found in use, half of the next one's goal
	rss        float64 // bytes resident
	goroutines float64
	fds        float64 // open files
	others     float64 // of them, beyond the sockets of calls and of ports that rest, and the files being written
	files      float64 // in the spool's folder, beyond the two of each recording
	waiting    float64 // recordings that wait to be delivered
	disk       float64 // bytes of the data folder
	calls      float64
	made       float64 // recordings so far
	parked     float64
}

// watch looks every ten seconds, or more often when d is short, until done.
func (s *soak) watch(d time.Duration, done <-chan struct{}) (all []seen) {
	every := min(10*time.Second, max(time.Second, d/60))
	began := time.Now()
	for n := 0; ; n++ {
		select {
		case <-done:
			return all
		case <-time.After(every):
		}
		now := s.look()
		all = append(all, now)
		if n%6 == 0 {
			s.t.Logf("%5.0f s: %3.0f calls, %5.0f recordings, %3.0f wait, %3.0f parked; live %.1f MB, resident %.1f MB, %3.0f goroutines, %4.0f open files (%.0f no call's), %3.0f stray files in the spool, %.1f MB on disk",
				now.at.Sub(began).Seconds(), now.calls, now.made, now.waiting, now.parked, now.live/1e6, now.rss/1e6, now.goroutines, now.fds, now.others, now.files, now.disk/1e6)
		}
	}
}

// What may grow while the number of calls does not. A recording leaves its place in
// the index, embedded server included (0.7 KB, see store.Config), one in twenty is
// parked, and its names are remembered: 2 KB are for that. It is bounded by
// 200,000 recordings. One that waits has an entry in the queue and in the spool. The rest
// is what the median of one half of a run is off by chance: of memory for what is on its
// way, of goroutines and open files for connections, which are more on a busy machine. A
// leak for each call or recording would be thousands.
const (
	growRecording  = 2 << 10
	growWaiting    = 4 << 10
	growLive       = 4 << 20
	growRSS        = 16 << 20 // the collector's rhythm, which lets the heap double
	growGoroutines = 60
	growFiles      = 60 // and what two figures of one moment are apart, which are not of the same moment
	growStrays     = 10
)

// warmUp is the time up to which everything grows: until as many calls end as begin, and
// then for the minute that their ports rest with their sockets open.
const warmUp = 150 * time.Second

// flat: in the second half of a run, after it has warmed up, nothing is above the first.
// A short run has no time to become flat; that nothing is left at its end says as much.
func (s *soak) flat(all []seen) {
	began := all[0].at
	all = slices.DeleteFunc(all, func(n seen) bool { return n.at.Sub(began) < warmUp })
	if len(all) < 12 {
		s.t.Log("too short to tell whether memory and open files are flat")
		return
	}
	first, second := all[:len(all)/2], all[len(all)/2:]
	more := func(of func(seen) float64) float64 { return median(second, of) - median(first, of) }
	made := more(func(n seen) float64 { return n.made })
	memory := growRecording*made + growWaiting*max(0, more(func(n seen) float64 { return n.waiting }))
	for _, f := range []struct {
		name string
		of   func(seen) float64
		grow float64
	}{
		{"bytes of live heap", func(n seen) float64 { return n.live }, growLive + memory},
		{"bytes resident", func(n seen) float64 { return n.rss }, growRSS + 2*memory},
		{"goroutines", func(n seen) float64 { return n.goroutines }, growGoroutines},
		{"open files that are no call's", func(n seen) float64 { return n.others }, growFiles},
		{"stray files in the spool", func(n seen) float64 { return n.files }, growStrays},
	} {
		a, b := median(first, f.of), median(second, f.of)
		s.t.Logf("%s: %.0f in the first half, %.0f in the second, of %.0f recordings more", f.name, a, b, made)
		if b > a+f.grow {
			s.t.Errorf("%s: %.0f in the first half, %.0f in the second; at most %.0f more are allowed", f.name, a, b, f.grow)
		}
	}
}

func median(all []seen, of func(seen) float64) float64 {
	var v []float64
	for _, n := range all {
		v = append(v, of(n))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// backTo: when nothing happens any more, nothing is left of the calls.
func (s *soak) backTo(idle seen) {
	client.CloseIdleConnections()
	var now seen
	// Connections to receivers are kept for a minute and a half.
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		now = s.look()
		if now.goroutines <= idle.goroutines+8 && now.fds <= idle.fds+8 && now.files <= idle.files {
			break
		}
	}
	s.t.Logf("idle before: %.0f goroutines, %.0f open files, %.0f files in the spool, %.1f MB resident; after: %.0f, %.0f, %.0f, %.1f",
		idle.goroutines, idle.fds, idle.files, idle.rss/1e6, now.goroutines, now.fds, now.files, now.rss/1e6)
	if now.goroutines > idle.goroutines+8 || now.fds > idle.fds+8 || now.files > idle.files {
		s.t.Errorf("not all of it is given back; the goroutines are\n%s", tail(s.goroutines(), 12000))
	}
	for line := range strings.Lines(s.w.log.String()) {
		if strings.Contains(line, `"level":"ERROR"`) && !strings.Contains(line, `"msg":"recording parked`) {
			s.t.Errorf("the worker says: %s", line)
		}
	}
}

// goroutines are the worker's, those of one place together, the most last.
func (s *soak) goroutines() string {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+s.w.ops+"/debug/pprof/goroutine?debug=1", nil)
	if err != nil {
		return err.Error()
	}
	resp, err := client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body)
	places := strings.Split(string(b), "\n\n")
	slices.Reverse(places)
	return strings.Join(places, "\n\n")
}

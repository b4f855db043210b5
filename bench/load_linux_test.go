package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"callrec/internal/testkit"
)

// What a run counts. A worker is started as an operator would, without --shards.
// So many calls are announced to it, each with one recording; then a generator
// that stays on one CPU sends both legs of all of them, 50 packets a second,
// spread evenly over 20 ms. The worker has both CPUs, and shares one.
//
// The worker's CPU time, user and system, is read when all calls have been under
// way for settle, and again shortly before the generator ends: so it is capture
// to spool, with neither announcements nor deliveries. On loopback the kernel's
// way of a packet up to the socket's queue is walked by the sender, and is not in
// it. Memory is what is resident at the second of the two instants, less what was
// before the first call.

const (
	loadPorts = "10000-18199" // room for 2,050 calls, below the ports that the kernel gives away
	loadRoom  = 2050
	filesEach = 5 // open files of a call in the worker: two pairs of sockets, and its part
	filesElse = 200

	ptime  = 20 * time.Millisecond
	tooLag = 100 * time.Millisecond // a generator further behind has measured itself
	settle = 2500 * time.Millisecond
	before = 250 * time.Millisecond // of the generator's end, the measuring ends
)

// errVoid says that a run measured nothing but a generator that was too slow.
var errVoid = errors.New("the generator fell behind: the run is void")

// format is one kind of file the worker can be loaded with.
type format struct {
	name  string
	node  map[string]any // of the record_call node
	says  func(leg int) speech
	check func(name string, c *loadCall) error
	needs func() string // why files cannot be checked here; "": they can
}

var formats = []format{
	{name: "wav", node: map[string]any{"format": "wav"}, says: speechOf, check: checkWAV, needs: func() string { return "" }},
	{name: "mp3", node: map[string]any{"format": "mp3"}, says: voiceOf, check: checkMP3, needs: needMP3},
}

// load is one run: so many calls at once for so long.
type load struct {
	format  format
	calls   int
	sending time.Duration
	profile string // file for a CPU profile of the time that is measured; "": none
}

// loadCall is one call of a run, with what its file is checked against.
type loadCall struct {
	id        string
	announced callData
	ended     callData
	hangup    [2]time.Time // it was asked for, and answered, in between
	due       [2]time.Time // when the first packet of each leg was to be sent
	least     [2]time.Duration
	speech    [2]speech
	sent      int              // packets of the caller
	begins    [2]time.Duration // in the file, after it was due; set by the check
	noise     nmr              // of the file; set by the check, unless samples are exact
}

// result is what a run has measured.
type result struct {
	cpu       time.Duration // of the worker, for one second of one call
	lost      int           // packets
	memory    int64         // bytes for one call
	lag       time.Duration // the generator's greatest
	generator float64       // share of a core that it took
	latest    time.Duration // of all legs, how far from when it was sent one begins in its file
	noise     nmr           // of the worst file
	wrong     []error       // what is not as it should be
}

func (r *result) fault(format string, args ...any) {
	r.wrong = append(r.wrong, fmt.Errorf(format, args...))
}

// run starts a worker, loads it, checks every file, and stops it.
func (l load) run(t testing.TB) (r result, err error) {
	w := startWorker(t, t.TempDir(), "--rtp-ports", loadPorts)
	defer w.kill()
	idle := w.rss()

	calls := make([]*loadCall, l.calls)
	var legs []netip.AddrPort
	if err := forAll(8, l.calls, func(i int) (err error) {
		calls[i] = &loadCall{id: fmt.Sprintf("load-%04d", i)}
		calls[i].announced, err = l.announce(w, calls[i].id)
		return err
	}); err != nil {
		return r, err
	}
	for _, c := range calls {
		for _, g := range c.announced.Legs {
			legs = append(legs, netip.AddrPortFrom(netip.MustParseAddr(g.Address), uint16(g.RTPPort)))
		}
	}

	report, start, err := l.send(t, w, legs, &r)
	if err != nil {
		return r, err
	}
	r.memory = (w.rss() - idle) / int64(l.calls)
	if r.lag > tooLag {
		return r, fmt.Errorf("%w: by %v", errVoid, r.lag)
	}
	err = forAll(8, l.calls, func(i int) (err error) {
		c := calls[i]
		c.hangup[0] = time.Now()
		a, err := w.try(http.MethodPost, "/channels/"+url.PathEscape(c.id), map[string]any{"action": "hangup"})
		c.hangup[1] = time.Now()
		if err == nil && (a.Code != http.StatusOK || len(a.Data.Recordings) != 1) {
			err = fmt.Errorf("hanging %s up: %d %s", c.id, a.Code, a.Raw)
		}
		c.ended = a.Data
		return err
	})
	if err != nil {
		return r, err
	}
	files, err := w.storedAll(l.calls)
	if err != nil {
		return r, err
	}
	l.count(w, &r, report.Packets)
	faults := make([]error, l.calls)
	_ = forAll(2, l.calls, func(i int) error {
		c := calls[i]
		c.sent = l.packets()
		for k := range 2 {
			leg := 2*i + k
			c.speech[k] = l.format.says(leg)
			c.due[k] = start.Add(ptime*time.Duration(leg)/time.Duration(len(legs)) + time.Duration(k)*calleeWaits*ptime)
			c.least[k] = report.Least[leg]
		}
		faults[i] = l.format.check(files[c.announced.Recordings[0].ID], c)
		return nil
	})
	r.noise = nmr{total: math.Inf(-1), worst: math.Inf(-1)}
	for i, c := range calls {
		if faults[i] != nil {
			r.fault("call %s: %w", c.id, faults[i])
		}
		r.noise.total, r.noise.worst = max(r.noise.total, c.noise.total), max(r.noise.worst, c.noise.worst)
		r.latest = max(r.latest, c.begins[0].Abs(), c.begins[1].Abs())
	}
	w.terminate(30 * time.Second)
	return r, nil
}

// packets is how many a caller sends.
func (l load) packets() int { return int(l.sending / ptime) }

// announce makes a call that is recorded from its announcement on.
func (l load) announce(w *worker, id string) (callData, error) {
	node := map[string]any{"action": "start"}
	for k, v := range l.format.node {
		node[k] = v
	}
	a, err := w.try(http.MethodPut, "/channels", map[string]any{
		"call_id": id, "from": "1001@acme.example", "to": "1002@acme.example",
		"flow": map[string]any{"module": "record_call", "data": node},
	})
	if err == nil && (a.Code != http.StatusCreated || len(a.Data.Legs) != 2 || len(a.Data.Recordings) != 1) {
		err = fmt.Errorf("announcing %s: %d %s", id, a.Code, a.Raw)
	}
	return a.Data, err
}

// send has the generator send to all legs, and measures the worker in the middle.
func (l load) send(t testing.TB, w *worker, legs []netip.AddrPort, r *result) (testkit.SendReport, time.Time, error) {
	cpu, err := generatorCPU()
	if err != nil {
		return testkit.SendReport{}, time.Time{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*l.sending)
	defer cancel()
	s, err := testkit.StartSender(ctx, testkit.SenderConfig{
		Legs: legs, CPU: cpu, Schedule: testkit.Even(len(legs), l.packets(), ptime, packets(l.format.says)),
	})
	if err != nil {
		return testkit.SendReport{}, time.Time{}, err
	}
	time.Sleep(time.Until(s.Start().Add(settle)))
	from, used := time.Now(), w.cpu()
	measured := l.sending - settle - before
	profiled := make(chan error, 1)
	if l.profile != "" {
		go func() { profiled <- w.profile(l.profile, measured-time.Second) }()
	}
	time.Sleep(time.Until(from.Add(measured)))
	used = w.cpu() - used
	r.cpu = time.Duration(float64(used) / time.Since(from).Seconds() / float64(l.calls))
	report, err := s.Wait()
	if err == nil && l.profile != "" {
		err = <-profiled
	}
	r.lag = report.Lag
	r.generator = report.CPU.Seconds() / report.Wall.Seconds()
	return report, s.Start(), err
}

// count compares what was sent with what the worker says has become of it.
func (l load) count(w *worker, r *result, sent int) {
	want := l.calls * (2*l.packets() - calleeWaits)
	if sent != want {
		r.fault("the generator has sent %d packets, not %d", sent, want)
	}
	r.lost = sent - int(w.metric(`callrec_packets_total{fate="rtp"}`))
	for _, name := range []string{
		`callrec_packets_total{fate="lost"}`, `callrec_packets_total{fate="late"}`, `callrec_packets_total{fate="duplicate"}`,
		`callrec_packets_total{fate="foreign"}`, `callrec_packets_total{fate="ignored"}`, `callrec_packets_total{fate="restarts"}`,
		"callrec_datagrams_dropped_total", "callrec_datagrams_truncated_total", "callrec_port_read_errors_total", "callrec_spool_lost_bytes_total",
	} {
		if v := w.metric(name); v != 0 {
			r.fault("%s is %v", name, v)
		}
	}
	if read := int(w.metric("callrec_datagrams_read_total")); read != sent || r.lost != 0 {
		r.fault("%d packets sent, %d read, %d lost", sent, read, r.lost)
	}
}

// storedAll waits until so many recordings are in the default storage and their
// calls are over, and tells the files by the recordings' ids.
func (w *worker) storedAll(calls int) (map[string]string, error) {
	deadline := time.Now().Add(30*time.Second + time.Duration(calls)*30*time.Millisecond)
	for int(w.metric("callrec_uploads_delivered_total")) != calls || w.metric("callrec_calls") != 0 {
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%v of %d recordings are stored, %v calls are live",
				w.metric("callrec_uploads_delivered_total"), calls, w.metric("callrec_calls"))
		}
		time.Sleep(100 * time.Millisecond)
	}
	files := map[string]string{}
	return files, filepath.WalkDir(filepath.Join(w.data, "recordings"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(path, ".json") {
			files[strings.TrimSuffix(d.Name(), filepath.Ext(path))] = path
		}
		return err
	})
}

// forAll does do(0) to do(n-1), so many at a time, and returns one of the errors.
func forAll(atATime, n int, do func(int) error) error {
	var wg sync.WaitGroup
	next := make(chan int)
	failed := make(chan error, atATime)
	for range cap(failed) {
		wg.Go(func() {
			var first error
			for i := range next {
				if err := do(i); first == nil {
					first = err
				}
			}
			failed <- first
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

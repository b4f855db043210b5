package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// listening is what a listener to an account's events has heard.
type listening struct {
	mu     sync.Mutex
	states map[string]string // of each recording, the last
	counts map[string]int    // by the event's name
	cut    int               // times it was cut off
	stop   context.CancelFunc
}

// listen hears the events of an account until the test ends.
func (s *soak) listen(account string) *listening {
	ctx, stop := context.WithCancel(context.Background())
	l := &listening{states: map[string]string{}, counts: map[string]int{}, stop: stop}
	s.t.Cleanup(stop)
	began := make(chan struct{})
	go func() {
		for first := true; ctx.Err() == nil; first = false {
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.w.api+"/v2/accounts/"+account+"/events", nil)
			req.Header.Set("X-Auth-Token", s.w.token)
			resp, err := http.DefaultClient.Do(req)
			if first {
				close(began)
			}
			if err != nil {
				continue
			}
			l.hear(resp.Body)
			_ = resp.Body.Close()
		}
	}()
	<-began
	return l
}

func (l *listening) hear(body io.Reader) {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		var e struct {
			Name      string
			Recording *struct{ ID, State string }
		}
		if !ok || json.Unmarshal([]byte(data), &e) != nil {
			continue
		}
		l.mu.Lock()
		l.counts[e.Name]++
		if e.Recording != nil {
			l.states[e.Recording.ID] = e.Recording.State
		}
		l.mu.Unlock()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut++
}

// indexed is what the index has of an account: states by id.
func (s *soak) indexed(account string) map[string]string {
	w := *s.w
	w.account = account
	states := map[string]string{}
	for start := ""; ; {
		a := w.do(http.MethodGet, "/recordings?page_size=1000&start_key="+url.QueryEscape(start), nil)
		var page []struct{ ID, State string }
		if err := json.Unmarshal(a.Raw, &page); err != nil || a.Code != http.StatusOK {
			s.t.Fatalf("the index: %d %v", a.Code, err)
		}
		for _, r := range page {
			states[r.ID] = r.State
		}
		if start = a.Next; start == "" {
			return states
		}
	}
}

// same wants two sources to name the same recordings.
func (s *soak) same(what string, got, want map[string]string) {
	s.t.Helper()
	if maps.Equal(got, want) {
		return
	}
	n := 0
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if got[id] != want[id] {
			if n++; n <= 10 {
				s.t.Errorf("%s: %s of a call %q is %q, want %q", what, id, s.known[id].call.kind.name, got[id], want[id])
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[id]; !ok {
			if n++; n <= 10 {
				s.t.Errorf("%s: %s is %q, and nobody was told of it", what, id, got[id])
			}
		}
	}
	s.t.Errorf("%s: %d recordings are not what they should be", what, n)
}

// account holds what everybody says against what the calls were told.
func (s *soak) account() {
	t := s.t
	s.mu.Lock()
	fates := map[string]map[string]string{"acc": {}, "poor": {}}
	want, kept := map[string]int{"failed": 0}, map[string]map[string]string{"acc": {}, "poor": {}}
	for id, o := range s.known {
		fate := o.call.kind.fate
		want[fate]++
		fates[o.call.account][id] = fate
		if fate == "delivered" || fate == "parked" {
			kept[o.call.account][id] = fate
		}
	}
	t.Logf("%d calls, %d refused, %d with the id of one before; %d recordings: %v; %d files compared sample by sample, %d not, for their sender was late",
		len(s.all), s.refused, s.reused, len(s.known), want, s.checked, s.void)
	if s.reused == 0 || s.checked == 0 || s.refused > len(s.all)/4 || s.void > 4*s.checked {
		t.Errorf("%d ids used again, %d files compared, %d senders late, %d of %d calls refused: too little was tested", s.reused, s.checked, s.void, s.refused, len(s.all))
	}
	s.mu.Unlock()

	s.rec.mu.Lock()
	got, again := map[string]string{}, 0
	for id, a := range s.rec.took {
		got[id] = "delivered"
		again += a.times - 1
	}
	t.Logf("the receiver took %d, some of them again: %d; %d MP3 files decoded; requests by temper %v", len(got), again, s.rec.decoded, s.rec.turned)
	for m, n := range s.rec.turned[:4] {
		if n == 0 {
			t.Errorf("no request met temper %d", m)
		}
	}
	s.rec.mu.Unlock()
	s.same("the receiver", got, kept["acc"])
	if len(s.refuser.took) > 0 {
		t.Errorf("the one who refuses has %d", len(s.refuser.took))
	}
	for account := range fates {
		s.same("the index of "+account, s.indexed(account), kept[account])
		l := s.heard[account]
		l.mu.Lock()
		if l.cut == 0 {
			s.same("the events of "+account, l.states, fates[account])
		}
		t.Logf("events of %s: %v, cut off %d times", account, l.counts, l.cut)
		l.mu.Unlock()
	}
	m := s.w.metrics()
	for state, n := range want {
		if v := m[`callrec_recording_states_total{state="`+state+`"}`]; int(v) != n {
			t.Errorf("/metrics: %v are %s, want %d", v, state, n)
		}
	}
	for name, n := range map[string]int{
		"callrec_recordings_total": len(s.known), "callrec_uploads_delivered_total": want["delivered"], "callrec_uploads_parked_total": want["parked"],
		`callrec_spool_recordings{state="parked"}`: want["parked"], "callrec_spool_lost_bytes_total": 0, "callrec_spool_failed_parts_total": 0,
		"callrec_spool_quarantined_total": 0, "callrec_index_refused_total": 0, "callrec_datagrams_dropped_total": 0,
	} {
		if int(m[name]) != n {
			t.Errorf("/metrics: %s is %v, want %d", name, m[name], n)
		}
	}
	s.lengths()
}

// lengths holds the files' lengths against what the API told, and those of whole
// calls against when they were announced and hung up.
func (s *soak) lengths() {
	s.wrong = append(s.wrong, s.rec.wrong...)
	for _, c := range s.all {
		for _, r := range c.last {
			a := s.rec.took[r.ID]
			if a == nil {
				continue
			}
			if a.ms != r.DurationMS && a.ms != unknown {
				s.note(fmt.Errorf("%s of a call %q: the file is %d ms long, the API says %d", r.ID, c.kind.name, a.ms, r.DurationMS))
			}
			long := time.Duration(a.ms) * time.Millisecond
			if least, most := c.hungUp[0].Sub(c.announced[1]), c.hungUp[1].Sub(c.announced[0]); c.kind.exact && r.ID == c.first &&
				(long < least-2*time.Millisecond || long > most+2*time.Millisecond) {
				s.note(fmt.Errorf("%s of a call %q: %v long; between announcement and hang-up were %v to %v", r.ID, c.kind.name, long, least, most))
			}
		}
	}
}

// mend lets the receiver of poor take everything, and sends what is parked again.
func (s *soak) mend() {
	s.refuser.temper.Store(int32(takes))
	want := map[string]string{}
	for id, o := range s.known {
		if o.call.account == "poor" {
			want[id] = "delivered"
		}
	}
	body := strings.NewReader(`{"data":{"action":"retry"}}`)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+s.w.api+"/v2/spool/parked", body)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", s.w.token)
	resp, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.t.Errorf("sending what is parked again: %s", resp.Status)
	}
	eventually(s.t, "what was parked is delivered", 2*time.Minute, func() bool {
		s.refuser.mu.Lock()
		defer s.refuser.mu.Unlock()
		return len(s.refuser.took) == len(want)
	})
	eventually(s.t, "and known as such", time.Minute, s.nothingWaits)
	s.same("the index of poor, mended", s.indexed("poor"), want)
	s.wrong = append(s.wrong, s.refuser.wrong...)
}

// look is what the worker takes of the machine.
func (s *soak) look() seen {
	w, m := s.w, s.w.metrics()
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join(w.data, "spool"))
	files = slices.DeleteFunc(files, func(f os.DirEntry) bool { return f.Name() == "calls" }) // there from the first call on
	if err != nil {
		s.t.Fatal(err)
	}
	parked := m[`callrec_spool_recordings{state="parked"}`]
	known := parked + m[`callrec_spool_recordings{state="part"}`] + m[`callrec_spool_recordings{state="ready"}`]
	sockets := 2 * (m[`callrec_port_pairs{state="open"}`] + m[`callrec_port_pairs{state="resting"}`])
	return seen{
		at: time.Now(), live: m["go_memstats_next_gc_bytes"] / 2, rss: float64(w.rss()), goroutines: m["go_goroutines"], fds: float64(len(fds)), others: float64(len(fds)) - sockets - m[`callrec_spool_recordings{state="part"}`],
		files: float64(len(files)) - 2*known, waiting: m[`callrec_uploads{state="waiting"}`], calls: m["callrec_calls"], made: m["callrec_recordings_total"], parked: parked, disk: used(w.data),
	}
}

// used is what lies in a folder, in bytes of the disk.
func used(dir string) (n float64) {
	_ = filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil && unix.Lstat(path, &st) == nil {
			n += float64(st.Blocks) * 512
		}
		return nil // files come and go
	})
	return n
}

package bench

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// temper is how a flapping receiver behaves for some seconds.
type temper int32

const (
	takes   temper = iota
	busy503        // answers 503
	resets         // resets every connection, new ones and kept ones
	stalls         // reads nothing and answers nothing; what waits is cut off at the end
	refuses        // redirects to where a tenant may not: refused for good
)

// flaps is one round of a flapping receiver: 11 s of 30 it does not take anything.
var flaps = []struct {
	is   temper
	long time.Duration
}{{takes, 9 * time.Second}, {busy503, 4 * time.Second}, {takes, 5 * time.Second}, {resets, 4 * time.Second}, {takes, 5 * time.Second}, {stalls, 3 * time.Second}}

// arrived is what a receiver has of one recording.
type arrived struct {
	path  string
	sum   [32]byte
	times int
	ms    int64  // of the file
	file  []byte // of those that keep asked for
}

// flapping receives uploads, checks each, and is often away. It tells recordings
// by the Idempotency-Key, and notices when two have the same name.
type flapping struct {
	*httptest.Server
	temper atomic.Int32
	keep   func(id string) bool // whether to keep the body

	decoding chan struct{} // one mpg123 at a time

	mu      sync.Mutex
	took    map[string]*arrived
	names   map[string]string // path → recording id
	turned  [5]int            // requests met in each temper
	wrong   []error
	decoded int
}

func newFlapping(t *testing.T) *flapping {
	f := &flapping{took: map[string]*arrived{}, names: map[string]string{}, keep: func(string) bool { return false }, decoding: make(chan struct{}, 1)}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(f.serve))
	f.Listener = moody{f.Listener, f}
	f.Start()
	t.Cleanup(f.Close)
	return f
}

// moody resets new connections while the receiver is not there.
type moody struct {
	net.Listener
	f *flapping
}

func (l moody) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || temper(l.f.temper.Load()) != resets {
			return c, err
		}
		reset(c)
		l.f.met(resets)
	}
}

func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

func (f *flapping) met(m temper) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turned[m]++
}

// flap goes through the tempers until stop, and then takes everything.
func (f *flapping) flap(stop <-chan struct{}) {
	defer f.temper.Store(int32(takes))
	for {
		for _, m := range flaps {
			f.temper.Store(int32(m.is))
			select {
			case <-stop:
				return
			case <-time.After(m.long):
			}
		}
	}
}

func (f *flapping) serve(w http.ResponseWriter, r *http.Request) {
	m := temper(f.temper.Load())
	f.met(m)
	switch m {
	case busy503:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case refuses:
		http.Redirect(w, r, "http://10.9.9.9/", http.StatusFound)
		return
	case stalls, resets:
		for temper(f.temper.Load()) == stalls {
			time.Sleep(50 * time.Millisecond)
		}
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			reset(c)
		}
		return
	case takes:
	}
	b, err := io.ReadAll(r.Body)
	if err != nil || int64(len(b)) != r.ContentLength { // cut off: nothing is kept of it
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	f.take(r, b)
}

// take checks a whole body and notes it.
func (f *flapping) take(r *http.Request, b []byte) {
	id, sum := r.Header.Get("Idempotency-Key"), sha256.Sum256(b)
	now := &arrived{path: r.URL.Path, sum: sum}
	f.mu.Lock()
	was := f.took[id]
	f.mu.Unlock()
	var err error
	if digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"; r.Header.Get("Repr-Digest") != digest {
		err = fmt.Errorf("the digest is %s, of the body %s", r.Header.Get("Repr-Digest"), digest)
	} else if was == nil {
		now.ms, err = f.measure(r, b)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if was = f.took[id]; was == nil {
		was = now
		f.took[id] = now
		if f.keep(id) {
			now.file = b
		}
	} else if was.path != now.path || was.sum != now.sum {
		err = fmt.Errorf("came again, as %s with another body than as %s, or with another name", now.path, was.path)
	}
	was.times++
	if other, used := f.names[now.path]; used && other != id {
		err = fmt.Errorf("has the name of %s: %s", other, now.path)
	}
	f.names[now.path] = id
	if err != nil {
		f.wrong = append(f.wrong, fmt.Errorf("recording %s: %w", id, err))
	}
}

// unknown is the length of a file that was not measured.
const unknown = -1

// measure is how long a file is. MP3 files are decoded as fast as one decoder can: nobody
// waits for it. Of the others the number of bytes must fit the length that the query tells.
func (f *flapping) measure(r *http.Request, b []byte) (ms int64, err error) {
	q, named := r.URL.Query(), r.URL.RawQuery != "" // a record_caller has no query
	if named && q.Get("recording_id") != r.Header.Get("Idempotency-Key") {
		return 0, fmt.Errorf("the query is about %q", q.Get("recording_id"))
	}
	told, _ := strconv.ParseInt(q.Get("duration_ms"), 10, 64)
	switch path.Ext(r.URL.Path) {
	case ".wav":
		w, err := parseWAV(b)
		if err != nil {
			return 0, err
		}
		ms = int64(len(w.pcm) / w.channels / 8)
	case ".mp3":
		if ms = told; named && !(len(b) >= int(told)*4 && len(b) < int(told)*4+8192) {
			return ms, fmt.Errorf("%d bytes for %d ms", len(b), told)
		}
		if !named {
			ms = unknown
		}
		if n, ok, err := f.decode(b); err != nil {
			return ms, err
		} else if ok {
			ms = n
		}
	default:
		return 0, fmt.Errorf("is called %s", r.URL.Path)
	}
	if named && ms != told {
		err = fmt.Errorf("%d ms long, the query says %d", ms, told)
	}
	return ms, err
}

// decode measures an MP3 file, if the decoder is there and has nothing else to do.
func (f *flapping) decode(b []byte) (ms int64, ok bool, err error) {
	if _, err := exec.LookPath("mpg123"); err != nil {
		return 0, false, nil
	}
	select {
	case f.decoding <- struct{}{}:
	default:
		return 0, false, nil
	}
	defer func() { <-f.decoding }()
	dir, err := os.MkdirTemp("", "callrec-bench")
	if err != nil {
		return 0, false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	name := filepath.Join(dir, "x.mp3")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		return 0, false, err
	}
	pcm, err := readMP3(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.decoded++
	return int64(len(pcm) / 2 / 8), true, err
}

// A flapping receiver tells apart what it is there for: names that meet, other bytes,
// and files of another length than was told.
func TestFlappingReceiverBites(t *testing.T) {
	f := newFlapping(t)
	file := wavBytes(t, make([]int16, 8000))
	put := func(name, query, id string, b []byte) {
		t.Helper()
		req, err := http.NewRequest(http.MethodPut, f.URL+name+query, bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		req.Header.Set("Idempotency-Key", id)
		req.Header.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	query := func(id string, ms int) string {
		return "?" + url.Values{"recording_id": {id}, "duration_ms": {strconv.Itoa(ms)}}.Encode()
	}
	put("/a.wav", query("1", 1000), "1", file)
	put("/a.wav", query("1", 1000), "1", file)
	if len(f.wrong) != 0 || f.took["1"].times != 2 {
		t.Fatalf("what is right is wrong: %v, %+v", f.wrong, f.took["1"])
	}
	for _, c := range []struct{ name, query, id, says string }{
		{"/a.wav", query("2", 1000), "2", "has the name of 1"},
		{"/b.wav", query("3", 999), "3", "the query says 999"},
		{"/c.wav", query("4", 1000), "5", "the query is about"},
		{"/d.wav", query("1", 1000), "1", "came again"},
		{"/e.ogg", query("6", 1000), "6", "is called"},
	} {
		f.wrong = nil
		if put(c.name, c.query, c.id, file); len(f.wrong) == 0 || !strings.Contains(fmt.Sprint(f.wrong), c.says) {
			t.Errorf("%s: %v, want %q", c.name, f.wrong, c.says)
		}
	}
}

package bench

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// smallDisk mounts a file system of so many MB, or skips the test.
func smallDisk(t *testing.T, mb int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0700", mb)); err != nil {
		t.Skipf("cannot mount a small file system, which takes root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// receiver takes uploads, when it is up, and keeps them by path.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	up      bool
	objects map[string][]byte
	clashes []string // paths that came again with other bytes
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{objects: map[string][]byte{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		b, err := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		switch was, again := r.objects[req.URL.Path]; {
		case err != nil || int64(len(b)) != req.ContentLength: // cut off: a receiver keeps nothing of it
			rw.WriteHeader(http.StatusBadRequest)
			return
		case !r.up:
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		case again && string(was) != string(b):
			r.clashes = append(r.clashes, req.URL.Path)
		}
		r.objects[req.URL.Path] = b
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) set(up bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.up = up
}

// manyFiles is a callflow with n recordings of 192 kB a second each, to a url.
func manyFiles(n int, url string) map[string]any {
	var node map[string]any
	for range n {
		children := map[string]any{}
		if node != nil {
			children["_"] = node
		}
		node = map[string]any{"module": "record_call", "children": children, "data": map[string]any{
			"action": "start", "format": "wav", "channels": "stereo", "record_sample_rate": 48000, "url": url,
		}}
	}
	return map[string]any{"flow": node}
}

// fill makes a file that takes all that the disk has.
func fill(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	return name
}

// A disk fills up because a receiver is down. First new calls are refused, then
// further recordings; the calls that run keep all their audio, even while there is no
// room at all; and when the receiver is up again, delivery makes room and everything
// works as before.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	down := newReceiver(t)
	w := startWorker(t, smallDisk(t, 32), "--rtp-ports", "24970-24989", "--min-free", "16", "--min-free-recordings", "8", "--spool-quota", "1000")
	running := w.stereoCall("running", nil)
	talks := [2]*talk{newTalk(75, 30), newTalk(76, 30)}
	done := bothSpeak(t, running, talks)
	w.announce("filler", nil, manyFiles(10, down.URL))
	refused := func(a answer, words ...string) bool {
		for _, word := range words {
			if a.Code == http.StatusServiceUnavailable && !strings.Contains(string(a.Raw), word) {
				t.Errorf("nothing of %q in %s", word, a.Raw)
			}
		}
		return a.Code == http.StatusServiceUnavailable
	}
	n := 0
	eventually(t, "new calls are refused", 30*time.Second, func() bool {
		n++
		id := fmt.Sprint("new", n)
		a := w.do(http.MethodPut, "/channels", map[string]any{"call_id": id})
		if a.Code == http.StatusCreated {
			w.act(id, "hangup")
		}
		return refused(a, "MB left", "--min-free")
	})
	if again := w.retryAfter(map[string]any{"call_id": "newer"}); again == "" || w.ready() != http.StatusServiceUnavailable {
		t.Errorf("Retry-After %q, /readyz %d", again, w.ready())
	}
	eventually(t, "further recordings are refused", 30*time.Second, func() bool {
		return refused(w.do(http.MethodPut, "/channels/running", map[string]any{"action": "metaflow", "data": map[string]any{
			"module": "record_call", "data": map[string]any{"action": "start", "format": "wav", "media_name": "more", "time_limit": 5},
		}}), "MB left", "--min-free-recordings")
	})
	w.act("filler", "hangup")
	hog := fill(t, filepath.Join(w.data, "hog")) // another program takes the last byte, for a while
	time.Sleep(2 * time.Second)
	if w.metric("callrec_spool_queued_bytes") == 0 {
		t.Error("nothing waits for a full disk")
	}
	if err := os.Remove(hog); err != nil {
		t.Fatal(err)
	}
	if w.ready() != http.StatusServiceUnavailable {
		t.Error("the worker says it is ready, with its disk full")
	}
	down.set(true)
	eventually(t, "delivery makes room", 60*time.Second, func() bool { return w.ready() == http.StatusOK })
	w.announce("after", nil, nil)
	w.act("after", "hangup")
	done()
	w.act("running", "hangup")
	f := w.fetch(running.Recordings[0].ID, 15*time.Second)
	wantOnly(t, f, talks)
	if f.Stopped {
		t.Error("the call that ran is interrupted")
	}
	down.mu.Lock()
	defer down.mu.Unlock()
	if len(down.objects) != 10 || len(down.clashes) > 0 {
		t.Errorf("%d objects, clashes %v", len(down.objects), down.clashes)
	}
	if lost := w.metric("callrec_spool_lost_bytes_total"); lost != 0 {
		t.Errorf("%v bytes were lost", lost)
	}
	w.terminate(20 * time.Second)
}

// An account whose receiver is down fills its quota, and is refused alone.
func TestQuota(t *testing.T) {
	t.Parallel()
	down := newReceiver(t)
	w := startWorker(t, t.TempDir(), "--rtp-ports", "24950-24969", "--spool-quota", "2")
	other := w.in(t)
	other.account = "other"
	w.announce("filler", nil, manyFiles(5, down.URL))
	n := 0
	eventually(t, "the account is refused", 20*time.Second, func() bool {
		n++ // the same call again would not be new
		a := w.do(http.MethodPut, "/channels", map[string]any{"call_id": fmt.Sprint("new", n)})
		if a.Code == http.StatusServiceUnavailable && !strings.Contains(string(a.Raw), "quota is 2 (--spool-quota)") {
			t.Errorf("refused with %s", a.Raw)
		}
		return a.Code == http.StatusServiceUnavailable
	})
	other.announce("new", nil, nil)
	if w.ready() != http.StatusOK {
		t.Error("/readyz tells of one account's quota")
	}
	w.act("filler", "hangup")
	down.set(true)
	eventually(t, "the account is taken again", 60*time.Second, func() bool {
		return w.do(http.MethodPut, "/channels", map[string]any{"call_id": "later"}).Code == http.StatusCreated
	})
}

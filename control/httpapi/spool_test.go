package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"callrec/control"
	"callrec/recording"
)

// fakeSpool has parked recordings, by id.
type fakeSpool struct {
	mu     sync.Mutex
	parked []control.Parked
	err    error // of the disk
}

func (f *fakeSpool) Usage() (control.SpoolUsage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := control.SpoolUsage{Waiting: control.SpoolShare{Recordings: 2, Bytes: 300}}
	u.Parked.ByClass = map[string]int{}
	for _, p := range f.parked {
		u.Parked.Recordings++
		u.Parked.Bytes += p.Size
		u.Parked.ByClass[p.Class]++
	}
	return u, nil
}

func (f *fakeSpool) Undelivered(account string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.parked {
		if p.AccountID == account {
			n++
		}
	}
	return n
}

func (f *fakeSpool) Parked(after string, limit int) (list []control.Parked, more bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.parked {
		if p.ID > after && len(list) == limit {
			return list, true, f.err
		}
		if p.ID > after {
			list = append(list, p)
		}
	}
	return list, false, f.err
}

func (f *fakeSpool) Retry(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	for i, p := range f.parked {
		if p.ID == id {
			f.parked = slices.Delete(f.parked, i, i+1)
			return nil
		}
	}
	return &recording.NotFoundError{What: "parked recording", Name: id}
}

func (f *fakeSpool) RetryAll(ctx context.Context) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, bounded := ctx.Deadline(); !bounded {
		return 0, errors.New("nothing ends this")
	}
	if f.err != nil {
		return 0, f.err
	}
	n := len(f.parked)
	f.parked = nil
	return n, nil
}

func parkedID(n int) string { return fmt.Sprintf("202611-%032x", n) }

// spoolDoor is a door over n parked recordings.
func spoolDoor(t *testing.T, n int) *door {
	d := newDoor(t)
	d.park(n)
	return d
}

// park has n recordings parked, and no others.
func (d *door) park(n int) {
	d.spool.parked = nil
	for i := range n {
		last := clock
		d.spool.parked = append(d.spool.parked, control.Parked{
			ID: parkedID(i), AccountID: "acme", CallID: "c/1", Started: clock.Add(-time.Hour), Age: 3600, Size: 10,
			URL: "https://redacted@h.example/in", Class: "slow", Error: "it answered 404", Reason: "refused for 24h0m0s: it answered 404",
			Tries: 25, LastTry: &last,
		})
	}
}

func TestSpoolUsage(t *testing.T) {
	d := spoolDoor(t, 3)
	want := map[string]any{
		"part": map[string]any{"recordings": 0., "bytes": 0.}, "waiting": map[string]any{"recordings": 2., "bytes": 300.},
		"parked":      map[string]any{"recordings": 3., "bytes": 30., "by_class": map[string]any{"slow": 3.}},
		"quarantined": map[string]any{"files": 0., "bytes": 0.},
	}
	if got := d.must(t, 200, "GET", "/v2/spool", ""); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

// A list is read page by page, every recording once; what is said of each is all
// there is to say.
func TestParkedPages(t *testing.T) {
	d := spoolDoor(t, 1003)
	var ids []string
	pages := 0
	for query := "?page_size=250"; query != ""; pages++ {
		code, out, _ := d.send(t, "GET", "/v2/spool/parked"+query, "")
		list, _ := out["data"].([]any)
		if code != 200 || out["page_size"] != float64(len(list)) || len(list) > 250 {
			t.Fatalf("%s: %d, %v of %d", query, code, out["page_size"], len(list))
		}
		for _, item := range list {
			ids = append(ids, item.(map[string]any)["id"].(string))
		}
		query = ""
		if next, ok := out["next_start_key"].(string); ok {
			query = "?page_size=250&start_key=" + next
		}
	}
	if len(ids) != 1003 || pages != 5 || !slices.IsSorted(ids) || len(slices.Compact(ids)) != 1003 {
		t.Errorf("%d recordings on %d pages", len(ids), pages)
	}
	_, out, _ := d.send(t, "GET", "/v2/spool/parked/", "")
	list := out["data"].([]any)
	want := map[string]any{
		"id": parkedID(0), "account_id": "acme", "call_id": "c/1", "started": "2026-11-23T07:30:00.25Z", "age_seconds": 3600., "size": 10.,
		"url": "https://redacted@h.example/in", "class": "slow", "error": "it answered 404", "reason": "refused for 24h0m0s: it answered 404",
		"tries": 25., "last_try": "2026-11-23T08:30:00.25Z",
	}
	if len(list) != 50 || !reflect.DeepEqual(list[0], want) {
		t.Errorf("%d, %v", len(list), list[0])
	}
	if _, out, _ := newDoor(t).send(t, "GET", "/v2/spool/parked", ""); !reflect.DeepEqual(out["data"], []any{}) || out["page_size"] != 0. || out["next_start_key"] != nil {
		t.Errorf("of nothing: %v", out)
	}
}

func TestRetryParked(t *testing.T) {
	const retry = `{"data":{"action":"retry"}}`
	d := spoolDoor(t, 5)
	one := "/v2/spool/parked/" + parkedID(2)
	if got := d.must(t, 200, "POST", one, retry); !reflect.DeepEqual(got, map[string]any{"id": parkedID(2), "state": "waiting"}) {
		t.Errorf("%v", got)
	}
	if code, out, _ := d.send(t, "POST", one, retry); code != 404 || out["message"] != "bad_identifier" {
		t.Errorf("twice: %d %v", code, out)
	}
	d.spool.err = errors.New("no space left on device")
	for _, path := range []string{"/v2/spool/parked/" + parkedID(1), "/v2/spool/parked"} {
		if code, out, h := d.send(t, "POST", path, retry); code != 503 || h.Get("Retry-After") == "" || !strings.Contains(fmt.Sprint(out), "no space left") {
			t.Errorf("%s, full disk: %d %v", path, code, out)
		}
	}
	d.spool.err = nil
	if got := d.must(t, 200, "POST", "/v2/spool/parked", retry); !reflect.DeepEqual(got, map[string]any{"retried": 4., "parked": 0.}) {
		t.Errorf("%v", got)
	}
	if got := d.must(t, 200, "POST", "/v2/spool/parked", retry); got["retried"] != 0. {
		t.Errorf("of nothing: %v", got)
	}
}

// What is wrong is refused with all faults, as elsewhere, and changes nothing.
func TestSpoolRefuses(t *testing.T) {
	d := spoolDoor(t, 2)
	parked := "/v2/spool/parked"
	for _, c := range []struct {
		method, path, body string
		code               int
		message            string
		says               []string
	}{
		{"POST", parked, `{"data":{"action":"delete","now":1},"x":1}`, 400, "validation error", []string{"x"}},
		{"POST", parked, `{"data":{"action":"delete","now":1}}`, 400, "validation error", []string{"action", "enum", "now"}},
		{"POST", parked, `{"data":{}}`, 400, "validation error", []string{"action", "required"}},
		{"POST", parked, ``, 400, "validation error", nil},
		{"POST", parked + "/" + parkedID(0), `{"data":{"action":"export"}}`, 400, "validation error", []string{"action"}},
		{"GET", parked + "?page_size=0&start_key=%21", "", 400, "validation error", []string{"page_size", "minimum", "start_key"}},
		{"GET", parked + "?page_size=many&start_key=" + strings.Repeat("A", 100), "", 400, "validation error", []string{"page_size", "type", "start_key"}},
		{"POST", parked + "/" + parkedID(9), `{"data":{"action":"retry"}}`, 404, "bad_identifier", []string{parkedID(9)}},
		{"POST", parked + "/..%2F..%2Fetc%2Fpasswd", `{"data":{"action":"retry"}}`, 404, "bad_identifier", nil},
		{"POST", parked + "/" + strings.Repeat("x", 5000), `{"data":{"action":"retry"}}`, 404, "bad_identifier", nil},
		{"GET", parked + "/" + parkedID(0), "", 405, "invalid_method", []string{"POST"}},
		{"DELETE", parked, "", 405, "invalid_method", nil},
		{"PUT", "/v2/spool", "", 405, "invalid_method", nil},
		{"GET", "/v2/spool/nothing", "", 404, "bad_identifier", nil},
	} {
		code, out, _ := d.send(t, c.method, c.path, c.body)
		if code != c.code || out["message"] != c.message || out["status"] != "error" {
			t.Errorf("%s %.80s %s: %d %v", c.method, c.path, c.body, code, out)
		}
		for _, word := range c.says {
			if !strings.Contains(fmt.Sprint(out["data"]), word) {
				t.Errorf("%s %.80s %s does not say %q: %v", c.method, c.path, c.body, word, out)
			}
		}
		if code, out, _ := d.send(t, c.method, c.path, c.body, "X-Auth-Token", "wrong"); code != 401 {
			t.Errorf("%s %.80s without a token: %d %v", c.method, c.path, code, out)
		}
	}
	if len(d.spool.parked) != 2 {
		t.Errorf("%d are parked", len(d.spool.parked))
	}
}

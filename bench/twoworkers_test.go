package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"callrec/internal/testkit"
	"callrec/internal/testkit/natstest"
)

// bucket runs versitygw over a folder with a bucket "rec", and gives its URL, the
// bucket's folder, and what a worker needs in its environment.
func bucket(t *testing.T) (url, dir string, env []string) {
	t.Helper()
	const key, secret = "bench", "bench-secret"
	url, dir = testkit.Versitygw(t, key, secret)
	return url, dir, []string{
		"AWS_ACCESS_KEY_ID=" + key, "AWS_SECRET_ACCESS_KEY=" + secret, "AWS_REGION=us-east-1", "AWS_ENDPOINT_URL_S3=" + url,
	}
}

// pair starts two workers, each with a data folder and ports of its own.
func pair(t *testing.T, ports [2]string, env []string, flags ...string) (ws [2]*worker) {
	t.Helper()
	for i := range ws {
		ws[i] = startWorkerWith(t, env, t.TempDir(), append([]string{"--rtp-ports", ports[i]}, flags...)...)
	}
	return ws
}

// sameCalls announces the same call ids at both workers, each pair at one instant, lets
// them last a moment and hangs them up, each pair at one instant. Every third is a
// record_caller. It returns whose each recording is.
func sameCalls(t *testing.T, ws [2]*worker, n int, settings map[string]any) map[string]string {
	t.Helper()
	var mu sync.Mutex
	of := map[string]string{}
	do := func(i int, method, path string, data map[string]any) {
		a, err := ws[i].try(method, path, data)
		if err != nil || a.Code >= 300 {
			t.Errorf("%s %s: %d %s, %v", method, path, a.Code, a.Raw, err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, r := range a.Data.Recordings {
			of[r.ID] = a.Data.CallID
		}
	}
	both := func(k int, what func(i int)) {
		var wg sync.WaitGroup
		for i := range ws {
			wg.Go(func() { what((i + k) % 2) })
		}
		wg.Wait()
	}
	for k := range n {
		node := map[string]any{"module": "record_call", "data": map[string]any{"action": "start"}}
		if k%3 == 2 && settings["url"] != nil {
			node = map[string]any{"module": "record_caller", "data": map[string]any{}}
		}
		for key, v := range settings {
			node["data"].(map[string]any)[key] = v
		}
		both(k, func(i int) {
			do(i, http.MethodPut, "/channels", map[string]any{"call_id": fmt.Sprint("same-", k), "flow": node})
		})
	}
	time.Sleep(300 * time.Millisecond)
	for k := range n {
		both(k, func(i int) {
			do(i, http.MethodPost, fmt.Sprint("/channels/same-", k), map[string]any{"action": "hangup"})
		})
	}
	if len(of) != 2*n {
		t.Fatalf("%d recordings of %d calls at two workers", len(of), n)
	}
	return of
}

// Two workers that share their NATS, one receiver, the same calls at the same time: one of
// each two has Kazoo's name, the other has its id in it. So it is when one is killed, the
// call fails over to the other, and the first comes back; and when two accounts of
// one worker have the same call id.
func TestTwoWorkersOfOneStoreDoNotMeet(t *testing.T) {
	t.Parallel()
	nats, rec, ports := natstest.Start(t).URL(), newFlapping(t), [2]string{"31000-31199", "31200-31399"}
	ws := pair(t, ports, nil, "--nats", nats)
	const n = 30
	of := sameCalls(t, ws, n, map[string]any{"format": "wav", "url": rec.URL + "/in"})
	eventually(t, "all files arrive", 60*time.Second, func() bool { return rec.count() == len(of) })
	rec.oneOfTwo(t, of)

	settings := func() map[string]any { return map[string]any{"format": "wav", "url": rec.URL + "/in"} }
	ws[0].announce("failover", settings(), nil)
	time.Sleep(2500 * time.Millisecond) // some of it is on the disk
	ws[0].kill()
	ws[1].announce("failover", settings(), nil)
	ws[1].act("failover", "hangup")
	eventually(t, "the second worker's file arrives", 30*time.Second, func() bool { return rec.count() == len(of)+1 })
	again := startWorker(t, ws[0].data, "--rtp-ports", ports[0], "--nats", nats)
	again.act("failover", "hangup")
	eventually(t, "the first worker's file arrives", 30*time.Second, func() bool { return rec.count() == len(of)+2 })

	other := *again
	other.account = "other"
	for _, w := range []*worker{again, &other} {
		w.announce("tenants", settings(), nil)
		w.act("tenants", "hangup")
	}
	eventually(t, "both accounts' files arrive", 30*time.Second, func() bool { return rec.count() == len(of)+4 })
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for _, err := range rec.wrong {
		t.Error(err)
	}
}

func (f *flapping) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.took)
}

// oneOfTwo: of the two recordings of a call id one has the plain name, the other its id
// in its name. of tells the call id of each recording.
func (f *flapping) oneOfTwo(t *testing.T, of map[string]string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	plain := map[string]int{}
	for id, call := range of {
		a := f.took[id]
		switch name := strings.TrimPrefix(strings.TrimPrefix(a.path, "/in/"), "call_recording_"); name {
		case call + ".wav":
			plain[call]++
		case call + "_" + id + ".wav":
		default:
			t.Errorf("%s of %s is called %s", id, call, a.path)
		}
	}
	for _, call := range of {
		if plain[call] != 1 {
			t.Errorf("%d recordings of %s have the plain name", plain[call], call)
		}
	}
}

// Two workers that know nothing of each other, one receiver, the same calls. With
// --unique-names nothing meets. Without it both use Kazoo's name, and only the recording
// id in the query, and in the Idempotency-Key, tells them apart: so it is documented.
func TestIndependentWorkersAtOneReceiver(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flags []string
		ports [2]string
		meet  int
	}{
		{[]string{"--unique-names"}, [2]string{"31400-31449", "31450-31499"}, 0},
		{nil, [2]string{"31500-31549", "31550-31599"}, 10},
	} {
		t.Run(fmt.Sprint(c.flags), func(t *testing.T) {
			rec := newFlapping(t)
			ws := pair(t, c.ports, nil, c.flags...)
			of := sameCalls(t, ws, 10, map[string]any{"format": "wav", "url": rec.URL + "/in"})
			eventually(t, "all files arrive", 60*time.Second, func() bool { return rec.count() == len(of) })
			rec.mu.Lock()
			defer rec.mu.Unlock()
			for id := range of {
				if a := rec.took[id]; a == nil || a.times != 1 {
					t.Errorf("recording %s arrived as %+v", id, a)
				}
			}
			if len(rec.names) != len(of)-c.meet || len(rec.wrong) != c.meet {
				t.Errorf("%d files have %d names: %v", len(of), len(rec.names), rec.wrong)
			}
		})
	}
}

// Where names are ours, in a folder and in a bucket, those of two workers that know
// nothing of each other never meet, whatever the calls are called.
func TestIndependentWorkersInOneStorage(t *testing.T) {
	t.Parallel()
	t.Run("folder", func(t *testing.T) {
		dir := t.TempDir()
		of := sameCalls(t, pair(t, [2]string{"31600-31649", "31650-31699"}, nil, "--storage", dir), 10, map[string]any{"format": "wav"})
		wantStored(t, dir, of)
	})
	t.Run("bucket", func(t *testing.T) {
		_, dir, env := bucket(t)
		ws := pair(t, [2]string{"31700-31799", "31800-31899"}, env, "--storage", "s3://rec/calls", "--allow-target", "s3://rec/tenants")
		wantStored(t, filepath.Join(dir, "calls"), sameCalls(t, ws, 10, map[string]any{"format": "wav"}))
		for _, w := range ws { // the ids are free again
			eventually(t, "the calls are over", 30*time.Second, func() bool { return w.metric("callrec_calls") == 0 })
		}
		wantStored(t, filepath.Join(dir, "tenants"), sameCalls(t, ws, 9, map[string]any{"format": "wav", "url": "s3://rec/tenants"}))
	})
}

// wantStored waits until a storage holds these recordings, each with what stands beside
// it, and wants nothing else there.
func wantStored(t *testing.T, dir string, of map[string]string) {
	t.Helper()
	var found []string
	pattern := filepath.Join(dir, "acc", "*", "*", "*", "*")
	eventually(t, "all is stored", 60*time.Second, func() bool {
		found, _ = filepath.Glob(pattern)
		return len(found) >= 2*len(of)
	})
	if len(found) != 2*len(of) {
		t.Errorf("%d files of %d recordings", len(found), len(of))
	}
	for id, call := range of {
		names, _ := filepath.Glob(filepath.Join(filepath.Dir(pattern), id+".wav"))
		if len(names) != 1 {
			t.Fatalf("%s is stored as %v", id, names)
		}
		b, err := os.ReadFile(names[0])
		if err == nil {
			_, err = parseWAV(b)
		}
		if err != nil {
			t.Errorf("%s: %v", id, err)
		}
		var beside map[string]any
		if b, err = os.ReadFile(strings.TrimSuffix(names[0], ".wav") + ".json"); err == nil {
			err = json.Unmarshal(b, &beside)
		}
		if err != nil || beside["id"] != id || beside["call_id"] != call {
			t.Errorf("beside %s of %s stands %v, %v", id, call, beside, err)
		}
	}
}

package store

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
)

// What is asked for every call and every request costs no memory.
func TestReadingAllocatesNothing(t *testing.T) {
	s := openTest(t, Config{Dir: t.TempDir()})
	<-s.Loaded()
	ref := user("acc", "1")
	create(t, s, ref, doc(`{}`))
	secret, _, err := s.CreateToken(t.Context(), ScopeAdmin, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1000, func() {
		if _, ok := s.Authenticate(secret); !ok || s.Used("acc", "c") {
			t.Fail()
		}
		if d, err := s.Get(ref); err != nil || d.Compiled != s.Compiled(ref) {
			t.Fail()
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The picture agrees with a plain map in whatever order the writer's own changes
// and the watch's come.
func TestThePictureIsTheBucket(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		r := newReplica[int, int]()
		sum := 0
		r.size = func(v int) int { return v }
		r.changed = func(old, now *int) {
			if old != nil {
				sum -= *old
			}
			if now != nil {
				sum += *now
			}
		}
		truth := map[int]int{}
		type op struct{ key, val int } // val 0: removed
		var log []op
		watched := 0
		watch := func() { // the next of the stream, in order
			o, rev := log[watched], uint64(watched+1)
			watched++
			if o.val == 0 {
				r.remove("g", o.key, rev, 1, true)
			} else if !r.known("g", o.key, rev, 1) {
				r.set("g", o.key, rev, 1, o.val)
			}
		}
		for range 300 {
			switch {
			case watched < len(log) && rng.IntN(2) == 0:
				watch()
			default:
				o := op{rng.IntN(6), rng.IntN(4)}
				if _, ok := truth[o.key]; !ok && o.val == 0 {
					continue
				}
				log = append(log, o)
				rev := uint64(len(log))
				late := rng.IntN(3) == 0 && watched == len(log)-1
				if late { // the watch is faster than the answer
					watch()
				}
				if o.val == 0 {
					delete(truth, o.key)
					r.remove("g", o.key, rev, 0, late)
				} else {
					truth[o.key] = o.val
					r.set("g", o.key, rev, 0, o.val)
				}
			}
			check(t, r, truth, sum)
		}
		for watched < len(log) {
			watch()
		}
		check(t, r, truth, sum)
		if g := r.shard("g").groups["g"]; g != nil && len(g.cells) != len(truth) {
			t.Errorf("%d cells for %d values", len(g.cells), len(truth))
		}
	}
}

func check(t *testing.T, r *replica[int, int], truth map[int]int, sum int) {
	t.Helper()
	want := 0
	for k := range 6 {
		v, _, ok := r.get("g", k)
		if w, has := truth[k]; ok != has || v != w {
			t.Fatalf("key %d is %d %v, want %d %v", k, v, ok, w, has)
		}
		want += truth[k]
	}
	if n, bytes := r.load("g"); n != len(truth) || bytes != want || sum != want {
		t.Fatalf("%d values of %d, %d told; want %d of %d", n, bytes, sum, len(truth), want)
	}
}

// Readers and writers of everything at once; the race detector is the judge.
func TestEverybodyAtOnce(t *testing.T) {
	s := openTest(t, Config{Dir: t.TempDir()})
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 50 {
				ref := user("acc", fmt.Sprint(w, i%5))
				_, _ = s.Put(t.Context(), ref, 0, doc(`1`))
				_, _ = s.List("acc", "users", "", 3)
				_ = s.Upsert(Recording{Account: "acc", ID: fmt.Sprint(i), CallID: "c", State: "armed", Created: noon, Doc: doc(`1`)})
				_, _, _ = s.Recordings(t.Context(), Query{Account: "acc", N: 3})
				_ = s.Used("acc", "c")
				if i%10 == 0 {
					_ = s.Delete(t.Context(), ref, 0)
					_ = s.DeleteRecording(t.Context(), "acc", fmt.Sprint(i))
					_ = s.trim(t.Context())
					s.feeds[i%3].reread()
				}
			}
		})
	}
	all.Wait()
	closeTest(t, s)
}

// Another client may write anything into the buckets; it never stops a feed.
func FuzzForeignMessages(f *testing.F) {
	f.Add("_", "", []byte(`{}`), false)
	f.Add("_.", `{"state":"armed"}`, []byte(`null`), true)
	f.Add("YQ.YQ", `{"state":"armed","created":-1}`, []byte(`{"id":"a","scope":"account","account":"a","sha256":"AA=="}`), false)
	f.Add("YQ.dXNlcnM.YQ", "x", []byte(`{`), false)
	f.Add("YQ.YWNjb3VudHM.YQ", "", []byte(nil), true)
	f.Add("A00.I\r00", "", []byte(nil), false) // what base64 skips makes no other key of it
	f.Add("YQ.YWNjb3VudHM.YQ\n", "", []byte(nil), false)
	f.Fuzz(func(t *testing.T, k, head string, data []byte, gone bool) {
		s := &Store{compile: func(Ref, json.RawMessage) any { return nil }, docs: newReplica[docKey, *Document](), secret: newTokenBook(), index: newIndex(), feeds: []*feed{{ready: make(chan struct{})}}}
		c := change{key: k, rev: 1, gone: gone, header: nats.Header{headerIndex: []string{head}}, data: data}
		s.applyDocument(c, 1)
		s.secret.apply(c, 1)
		s.index.apply(c, 1)
		if parts, ok := parseKey(k, 2); ok && key(parts...) != k {
			t.Errorf("%q is read as %q, which is %q", k, parts, key(parts...))
		}
		if p, err := parsePlace(k); err == nil {
			if again, err := parsePlace(p.String()); err != nil || again != p {
				t.Errorf("%+v, %+v", p, again)
			}
		}
	})
}

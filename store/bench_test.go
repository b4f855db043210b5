package store

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"callrec/internal/testkit/natstest"
)

func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkOpenEmpty is what a store costs a worker that has never had one.
func BenchmarkOpenEmpty(b *testing.B) {
	for b.Loop() {
		s := openTest(b, Config{Dir: b.TempDir()})
		b.ReportMetric(float64(runtime.NumGoroutine()), "goroutines")
		b.StopTimer()
		closeTest(b, s)
		b.StartTimer()
	}
}

// BenchmarkAccounts loads 10,000 accounts of 10 users and looks settings up.
func BenchmarkAccounts(b *testing.B) {
	dir := b.TempDir()
	s := openTest(b, Config{Dir: dir})
	const accounts, users = 10_000, 10
	settings := `{"call_recording":{"inbound":{"offnet":{"enabled":true,"format":"mp3","time_limit":600,"url":"https://receiver.example/recordings"}}},"name":"%d","x":"` + strings.Repeat("x", 300) + `"}`
	fill := func(ref Ref, n int) {
		if _, err := s.documents.js.PublishMsgAsync(s.documents.message(key(ref.Account, ref.Kind, ref.ID), doc(settings, n))); err != nil {
			b.Fatal(err)
		}
	}
	for a := range accounts {
		name := fmt.Sprintf("%032x", a)
		fill(AccountRef(name), a)
		for u := range users {
			fill(user(name, fmt.Sprintf("%032x", u)), u)
		}
		if a%100 == 0 {
			<-s.documents.js.PublishAsyncComplete()
		}
	}
	<-s.documents.js.PublishAsyncComplete()
	closeTest(b, s)
	type compiled struct{ CallRecording map[string]any }
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			before := heap()
			start := time.Now()
			s := openTest(b, Config{Dir: dir})
			b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms/110k-docs")
			b.ReportMetric((heap()-before)/110_000, "B/doc")
			closeTest(b, s)
		}
	})
	s = openTest(b, Config{Dir: dir, Compile: func(_ Ref, d json.RawMessage) any { return new(compiled) }})
	ref := user(fmt.Sprintf("%032x", 4711), fmt.Sprintf("%032x", 7))
	b.Run("lookup", func(b *testing.B) {
		for b.Loop() {
			if s.Compiled(ref) == nil {
				b.Fatal("not there")
			}
		}
	})
	b.Run("lookup-parallel", func(b *testing.B) {
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				_ = s.Compiled(ref)
			}
		})
	})
	b.Run("list-50-users", func(b *testing.B) {
		for b.Loop() {
			s.List(ref.Account, "users", "", 50)
		}
	})
	b.Run("list-50-accounts", func(b *testing.B) {
		for b.Loop() {
			s.ListAccounts("", 50)
		}
	})
	secret, _, err := s.CreateToken(b.Context(), ScopeAdmin, "", "")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("authenticate", func(b *testing.B) {
		for b.Loop() {
			s.Authenticate(secret)
		}
	})
}

// BenchmarkChange is a change until it is in force: where it was made, and in
// another store on the same server.
func BenchmarkChange(b *testing.B) {
	url := natstest.Start(b).URL()
	var want atomic.Uint64
	there := make(chan struct{}, 1)
	s := openTest(b, Config{URL: url})
	openTest(b, Config{URL: url, seen: func(_ *bucket, rev uint64) {
		if rev >= want.Load() && rev > 0 {
			select {
			case there <- struct{}{}:
			default:
			}
		}
	}})
	ref := user("acc", "1")
	d := create(b, s, ref, doc(`{}`))
	var here, other time.Duration
	n := 0
	for b.Loop() {
		select {
		case <-there:
		default:
		}
		want.Store(d.Revision + 1)
		start := time.Now()
		var err error
		if d, err = s.Put(b.Context(), ref, d.Revision, doc(`{}`)); err != nil {
			b.Fatal(err)
		}
		here += time.Since(start)
		<-there
		other += time.Since(start)
		n++
	}
	b.ReportMetric(float64(here.Microseconds())/float64(n), "µs-here")
	b.ReportMetric(float64(other.Microseconds())/float64(n), "µs-other-worker")
}

// BenchmarkRecordings fills an index and lists it.
func BenchmarkRecordings(b *testing.B) {
	const n = 100_000
	dir := b.TempDir()
	s := openTest(b, Config{Dir: dir})
	body := doc(`{"name":"%s"}`, strings.Repeat("x", 1000))
	rec := func(i int) Recording {
		return Recording{
			Account: "acc", ID: fmt.Sprintf("202611-%032x", i), Owner: fmt.Sprint(i % 100), CallID: fmt.Sprintf("call-%d@sbc", i),
			Object: "call_recording_x.mp3", Created: noon.Add(time.Duration(i) * time.Second), State: "delivered", Doc: body,
		}
	}
	b.Run("upsert", func(b *testing.B) {
		i, start := 0, time.Now()
		for b.Loop() {
			upsert(b, s, rec(i))
			if i++; i%10_000 == 0 {
				_ = s.Flush(b.Context())
			}
		}
		_ = s.Flush(b.Context())
		b.ReportMetric(float64(i)/time.Since(start).Seconds(), "recordings/s")
	})
	for i := range n {
		upsert(b, s, rec(i))
		if i%10_000 == 0 {
			_ = s.Flush(b.Context())
		}
	}
	closeTest(b, s)
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			before, start := heap(), time.Now()
			s := openTest(b, Config{Dir: dir})
			b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms-open")
			<-s.Loaded()
			b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms-loaded")
			info, err := s.recordings.stream.Info(b.Context(), jetstream.WithSubjectFilter("none"))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric((heap()-before)/float64(info.State.Msgs), "B/recording")
			closeTest(b, s)
		}
	})
	s = openTest(b, Config{Dir: dir})
	<-s.Loaded()
	for name, q := range map[string]Query{
		"first": {}, "by-owner": {Owner: "7"}, "by-call": {CallID: "call-7@sbc"}, "match-1-in-100": {Match: func(r *Recording) bool { return r.Owner == "7" }},
	} {
		q.Account, q.N = "acc", 50
		b.Run("page-of-50-"+name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := s.Recordings(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("used", func(b *testing.B) {
		for b.Loop() {
			s.Used("acc", "call-7@sbc")
		}
	})
}

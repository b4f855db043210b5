package bench

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

// TestLoad: many calls at once, and not one sample of one file is wrong.
func TestLoad(t *testing.T) {
	l := load{format: formats[0], calls: 100, sending: 6 * time.Second}
	if long() {
		l.calls, l.sending = 1000, 20*time.Second
	} else {
		t.Parallel() // with the other tests that mostly wait
	}
	l.test(t)
}

// TestLoadMP3: many calls at once, encoded, and every file sounds like its call.
func TestLoadMP3(t *testing.T) {
	l := load{format: formats[1], calls: 30, sending: 6 * time.Second}
	if long() {
		l.calls, l.sending = 1000, 15*time.Second
	} else {
		t.Parallel()
	}
	r := l.test(t)
	t.Logf("noise over mask of the worst file: %.1f dB, of the worst spell of any: %.1f dB", r.noise.total, r.noise.worst)
}

// test measures, and fails for whatever is wrong.
func (l load) test(t *testing.T) result {
	t.Helper()
	r := l.measure(t)
	for i, err := range r.wrong {
		if i == 20 {
			t.Errorf("and %d more", len(r.wrong)-i)
			break
		}
		t.Error(err)
	}
	t.Logf("%d calls: %v CPU for a call-second, %d packets lost, %d B/call; the generator lagged by up to %v and took %.0f %% of a core; legs begin up to %v from when they were sent",
		l.calls, r.cpu, r.lost, r.memory, r.lag, 100*r.generator, r.latest)
	return r
}

// BenchmarkCalls measures the worker as doc.go says. CALLREC_PROFILE names a
// file for a CPU profile of it.
func BenchmarkCalls(b *testing.B) {
	for _, f := range formats {
		for _, calls := range []int{100, 1000, 2000} {
			b.Run(fmt.Sprintf("format=%s/calls=%d", f.name, calls), func(b *testing.B) {
				l := load{format: f, calls: calls, sending: 15 * time.Second, profile: os.Getenv("CALLREC_PROFILE")}
				var r result
				for b.Loop() {
					r = l.measure(b)
					for _, err := range r.wrong {
						b.Error(err)
					}
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(r.cpu)/1e3, "µs/call-s")
				b.ReportMetric(float64(time.Second)/float64(r.cpu), "calls/core")
				b.ReportMetric(float64(r.lost), "lost-packets")
				b.ReportMetric(float64(r.memory), "B/call")
				b.ReportMetric(r.lag.Seconds()*1e3, "lag-ms")
			})
		}
	}
}

// measure runs the load; once more when the run was void, and if that was too,
// the test is skipped.
func (l load) measure(t testing.TB) result {
	t.Helper()
	if why := l.format.needs(); why != "" {
		t.Skip(why)
	}
	l.format.says(0) // makes what is said; later, the generator would wait for it
	need := uint64(l.calls*filesEach + filesElse)
	if have, err := openFiles(); err != nil || have < need {
		t.Skipf("%d calls need %d open files, the limit is %d (ulimit -Hn, %v)", l.calls, need, have, err)
	}
	if l.calls > loadRoom {
		t.Fatalf("there are ports for %d calls, not %d", loadRoom, l.calls)
	}
	for try := 0; ; try++ {
		r, err := l.run(t)
		switch {
		case err == nil:
			return r
		case !errors.Is(err, errVoid):
			t.Fatal(err)
		case try == 1:
			t.Skip(err)
		}
		t.Log(err)
	}
}

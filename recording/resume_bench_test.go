package recording_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"callrec/capture"
	"callrec/capture/capturetest"
	"callrec/policy"
	"callrec/recording"
	"callrec/upload/spool"
)

// BenchmarkResume is how long calls are without ears after a crash, the start of
// the process apart: so many calls, each ten minutes old with one recording.
func BenchmarkResume(b *testing.B) {
	const calls, age = 100, 10 * time.Minute
	for _, format := range []string{"wav", "mp3"} {
		b.Run(format, func(b *testing.B) {
			spec, err := recording.NewSpec(policy.Settings{Format: format}, recording.Defaults{})
			if err != nil {
				b.Fatal(err)
			}
			dir := b.TempDir()
			boot := func() (*recording.Manager, *spool.Spool) {
				sp, err := spool.Open(spool.Config{Dir: dir, KeepParts: true, QueueBytes: 4 << 30})
				if err != nil {
					b.Fatal(err)
				}
				m, err := recording.New(recording.Config{
					Sets: []capture.Set{capturetest.NewFake(20000, recording.Slots)}, Spool: sp, Clock: capture.NewClock(),
					Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
				})
				if err != nil {
					b.Fatal(err)
				}
				return m, sp
			}
			halt := func(m *recording.Manager, sp *spool.Spool) {
				m.Close()
				if err := sp.Close(context.WithoutCancel(b.Context())); err != nil {
					b.Fatal(err)
				}
			}
			m, sp := boot()
			for i := range calls {
				c := recording.CallSpec{ID: recording.CallID{Account: "a", Call: fmt.Sprint(i)}, At: time.Now().Add(-age), Start: []recording.Request{{Spec: spec}}}
				if _, _, err := m.Announce(b.Context(), c); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := m.Do(b.Context(), recording.CallID{Account: "a", Call: "0"}, recording.Command{Action: recording.Mask, At: time.Now()}); err != nil {
				b.Fatal(err) // all calls have had a turn when this one has
			}
			time.Sleep(2 * time.Second)
			halt(m, sp)
			for b.Loop() {
				b.StopTimer()
				m, sp := boot()
				b.StartTimer()
				n := m.Resume(b.Context())
				b.StopTimer()
				if n != calls {
					b.Fatalf("%d calls go on", n)
				}
				halt(m, sp)
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N*calls), "ms/call")
		})
	}
}

//go:build unix

package spool

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// BenchmarkWrite has as many parts as there are calls on a worker, each with a
// Write of 3,200 bytes (200 ms of 8 kHz WAV) and a Flush every 0.8 s of audio,
// the writer's work included. Five writes are a second of a call.
func BenchmarkWrite(b *testing.B) {
	for _, calls := range []int{1, 1000} {
		b.Run(fmt.Sprintf("calls=%d", calls), func(b *testing.B) {
			s, _ := openTest(b, b.TempDir(), nil)
			parts := make([]*Part, calls)
			for n := range parts {
				parts[n] = create(b, s, n)
			}
			flush(b, s)
			block := audio(3200)
			cpu := cpuTime()
			var hot time.Duration
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n++ {
				p := parts[n%calls]
				start := time.Now()
				err := p.Write(block)
				if n/calls%4 == n%4 {
					p.Flush()
				}
				hot += time.Since(start)
				if err != nil {
					b.Fatal(err)
				}
				if n%max(5*calls, 1000) == 0 { // a second of audio a second, not faster than the disk
					flush(b, s)
				}
			}
			if err := s.Flush(context.Background()); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			b.ReportMetric(float64(hot.Nanoseconds())/float64(b.N), "hot-ns/write")
			b.ReportMetric(float64((cpuTime()-cpu).Nanoseconds())/float64(b.N)*5/1000, "µs/call-s")
			for _, p := range parts {
				p.Abandon()
			}
		})
	}
}

//go:build unix

package mp3

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"callrec/codec"
)

// cpuTime is what the process has used: on a shared machine the clock says little.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkEncode(b *testing.B) {
	for _, c := range []Config{
		{Rate: 8000, Channels: 1, BitRate: 16},
		{Rate: 8000, Channels: 1, BitRate: 32},
		{Rate: 16000, Channels: 1, BitRate: 32},
		{Rate: 16000, Channels: 2, BitRate: 64},
		{Rate: 44100, Channels: 2, BitRate: 128},
	} {
		b.Run(fmt.Sprintf("%dk_%dch_%dkbps", c.Rate/1000, c.Channels, c.BitRate), func(b *testing.B) {
			pcm := speechLike(c.Rate, 20, 1)
			if c.Channels == 2 {
				pcm = interleave(pcm, speechLike(c.Rate, 20, 2))
			}
			dst := make([]byte, 0, 1<<20)
			start := cpuTime()
			for b.Loop() {
				e, err := New(c)
				if err != nil {
					b.Fatal(err)
				}
				dst = e.Append(dst[:0], pcm)
				dst = e.Finish(dst, codec.Tags{})
			}
			used := (cpuTime() - start).Seconds() / float64(b.N)
			b.ReportMetric(20/used, "x-realtime")
			b.ReportMetric(used*1e6/float64(20*c.Rate/granuleLen*c.Channels), "µs/granule")
			b.ReportMetric(0, "ns/op")
		})
	}
}

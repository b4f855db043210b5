package tones

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"callrec/codec/g711"
)

// cpu is the processor time of this process, which neighbours do not disturb as
// they disturb the clock.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// perLegSecond reports the processor time that one second of a leg takes, as a
// shard brings it: 200 ms at a time.
func perLegSecond(b *testing.B, pcm []int16, write func([]int16)) {
	pcm = pcm[:len(pcm)/1600*1600]
	begin := cpu(b)
	for b.Loop() {
		for rest := pcm; len(rest) > 0; rest = rest[1600:] {
			write(rest[:1600])
		}
	}
	seconds := float64(b.N) * float64(len(pcm)) / 8000
	b.ReportMetric(float64((cpu(b)-begin).Microseconds())/seconds, "µs-cpu/leg-second")
	b.ReportMetric(0, "ns/op")
}

// signals are what the benchmarks hear.
func signals(b *testing.B) map[string][]int16 {
	noise := make([]int16, 16000)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range noise {
		noise[i] = int16(1000 * rng.NormFloat64())
	}
	k := normal('5')
	k.length = 16000
	return map[string][]int16{
		"speech":  append(speech(b)[0], speech(b)[1]...),
		"silence": make([]int16, 16000),
		"noise":   noise,
		"key":     line(k.append(nil), -60, g711.MuLaw, 1)[400:],
	}
}

func BenchmarkDetector(b *testing.B) {
	for name, pcm := range signals(b) {
		b.Run(name, func(b *testing.B) {
			var d Detector
			dst := make([]Press, 0, 8)
			perLegSecond(b, pcm, func(pcm []int16) { dst = d.Write(dst[:0], pcm) })
		})
	}
}

func BenchmarkSilence(b *testing.B) {
	for name, pcm := range signals(b) {
		b.Run(name, func(b *testing.B) {
			var s Silence
			perLegSecond(b, pcm, func(pcm []int16) { s.Write(pcm, 1<<62) })
		})
	}
}

// BenchmarkDigits is one press of 100 ms: seven packets.
func BenchmarkDigits(b *testing.B) {
	var d Digits
	dst := make([]Press, 0, 8)
	packets := dial(5, 0, 800, 160)
	begin := cpu(b)
	for at := int64(0); b.Loop(); at += 1200 {
		for _, p := range packets {
			dst = d.Push(dst[:0], p.payload, at+p.position, p.marker, 0)
		}
	}
	b.ReportMetric(float64((cpu(b)-begin).Nanoseconds())/float64(b.N)/float64(len(packets)), "ns-cpu/packet")
	b.ReportMetric(0, "ns/op")
}

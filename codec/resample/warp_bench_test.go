package resample_test

import (
	"fmt"
	"testing"

	"callrec/codec/resample"
)

// BenchmarkWarp is a leg's second, in the blocks of a tick, by each kernel.
func BenchmarkWarp(b *testing.B) {
	w := resample.NewWarp()
	x := noise(1, 10000)
	dst := make([]int16, 1600)
	for _, kernel := range []struct {
		name string
		read func(dst, x []int16, pos, step int64)
	}{{"go", w.ReadGeneric}, {"chosen", w.Read}} {
		for _, ppm := range []int64{20, 100, 300} {
			b.Run(fmt.Sprintf("%s-%dppm", kernel.name, ppm), func(b *testing.B) {
				step := int64(1)<<32 + ppm<<32/1_000_000
				for b.Loop() {
					pos := int64(resample.WarpBefore) << 32
					for range 8000 / len(dst) {
						kernel.read(dst, x, pos, step)
						pos += int64(len(dst)) * step
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/1000/float64(b.N), "µs/leg-s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func BenchmarkNewWarp(b *testing.B) {
	for b.Loop() {
		resample.NewWarp()
	}
}

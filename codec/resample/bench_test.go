package resample_test

import (
	"fmt"
	"testing"

	"callrec/codec/resample"
)

func BenchmarkAppend(b *testing.B) {
	for _, c := range []resample.Config{
		{From: 8000, To: 16000, Channels: 1},
		{From: 8000, To: 16000, Channels: 2},
		{From: 8000, To: 44100, Channels: 1},
		{From: 8000, To: 48000, Channels: 1},
		{From: 16000, To: 8000, Channels: 1},
		{From: 48000, To: 8000, Channels: 1},
	} {
		b.Run(fmt.Sprintf("%d-%d-%dch", c.From, c.To, c.Channels), func(b *testing.B) {
			r, err := resample.New(c)
			if err != nil {
				b.Fatal(err)
			}
			src := noise(1, c.From/5*c.Channels) // the pipeline's tick
			dst := make([]int16, 0, 2*c.To/5*c.Channels)
			for b.Loop() {
				dst = r.Append(dst[:0], src)
			}
			b.ReportMetric(0.2*float64(b.N)/b.Elapsed().Seconds(), "x-realtime")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkConvolve is one second of output from 8 to 16 kHz, by each kernel.
func BenchmarkConvolve(b *testing.B) {
	filter := mustFilter(b, 8000, 16000)
	for name, convolve := range map[string]func(dst, x []int16, row int){
		"go": filter.ConvolveGeneric, "chosen": filter.Convolve,
	} {
		b.Run(name, func(b *testing.B) {
			dst := make([]int16, 16000)
			x := noise(1, filter.Need(0, len(dst)))
			for b.Loop() {
				convolve(dst, x, 0)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "x-realtime")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func BenchmarkNew(b *testing.B) {
	for _, to := range []int{16000, 44100} {
		b.Run(fmt.Sprintf("8000-%d", to), func(b *testing.B) {
			for b.Loop() {
				if _, err := resample.New(resample.Config{From: 8000, To: to, Channels: 1}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("shared", func(b *testing.B) {
		filter := mustFilter(b, 8000, 44100)
		for b.Loop() {
			if _, err := resample.New(resample.Config{From: 8000, To: 44100, Channels: 1, Filter: filter}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

package resample_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"callrec/codec/resample"
)

// FuzzAppend cuts a stream wherever the fuzzer likes, and compares with one
// block, for length and every sample.
func FuzzAppend(f *testing.F) {
	f.Add(uint8(0), uint8(3), false, []byte{1, 160, 160, 0}, []byte("some samples"))
	f.Add(uint8(0), uint8(7), true, []byte{255, 3}, make([]byte, 2000))
	f.Add(uint8(8), uint8(0), true, []byte{80}, make([]byte, 999))
	f.Fuzz(func(t *testing.T, from, to uint8, stereo bool, cuts, data []byte) {
		rates := resample.Rates()
		in, out := rates[int(from)%len(rates)], rates[int(to)%len(rates)]
		channels := 1
		if stereo {
			channels = 2
		}
		src := samples(data)
		src = src[:len(src)/channels*channels]
		want := whole(t, in, out, channels, src)
		if n := resample.OutLen(in, out, len(src)/channels) * channels; len(want) != n {
			t.Fatalf("%d values in, %d out, want %d", len(src), len(want), n)
		}
		r := mustNew(t, in, out, channels)
		var got []int16
		for _, cut := range cuts {
			n := min(int(cut)*channels, len(src))
			got = r.Append(got, src[:n])
			src = src[n:]
		}
		if got = r.Finish(r.Append(got, src)); !slices.Equal(got, want) {
			t.Fatal("output differs from that of one block")
		}
	})
}

// FuzzKernels compares the kernel in use with the Go one.
func FuzzKernels(f *testing.F) {
	f.Add(uint8(0), uint8(3), uint16(1), make([]byte, 200))
	f.Add(uint8(0), uint8(7), uint16(440), make([]byte, 300))
	f.Add(uint8(8), uint8(0), uint16(0), make([]byte, 1000))
	f.Fuzz(func(t *testing.T, from, to uint8, row uint16, data []byte) {
		rates := resample.Rates()
		in, out := rates[int(from)%len(rates)], rates[int(to)%len(rates)]
		filter := mustFilter(t, in, out)
		x, at := samples(data), int(row)%filter.RowCount()
		n := 0
		for n < 1000 && filter.Need(at, n+1) <= len(x) {
			n++
		}
		sameKernels(t, filter, x, at, n)
	})
}

func samples(data []byte) []int16 {
	out := make([]int16, len(data)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return out
}

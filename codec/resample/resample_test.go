package resample_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"callrec/codec/resample"
)

// pairs calls f as a subtest for every pair of rates, equal ones included.
func pairs(t *testing.T, f func(t *testing.T, from, to int)) {
	t.Helper()
	for _, from := range resample.Rates() {
		for _, to := range resample.Rates() {
			t.Run(fmt.Sprintf("%d-%d", from, to), func(t *testing.T) { f(t, from, to) })
		}
	}
}

// filters holds those that mustFilter has made: most tests go through all pairs.
var filters = map[[2]int]*resample.Filter{}

func mustFilter(t testing.TB, from, to int) *resample.Filter {
	t.Helper()
	f := filters[[2]int{from, to}]
	if f == nil {
		var err error
		if f, err = resample.NewFilter(from, to); err != nil {
			t.Fatal(err)
		}
		filters[[2]int{from, to}] = f
	}
	return f
}

func mustNew(t testing.TB, from, to, channels int) *resample.Resampler {
	t.Helper()
	r, err := resample.New(resample.Config{From: from, To: to, Channels: channels, Filter: mustFilter(t, from, to)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func noise(seed uint64, n int) []int16 {
	rnd := rand.New(rand.NewPCG(seed, 1))
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(rnd.Uint32())
	}
	return out
}

// whole resamples src in one block.
func whole(t testing.TB, from, to, channels int, src []int16) []int16 {
	r := mustNew(t, from, to, channels)
	return r.Finish(r.Append(nil, src))
}

func TestNewRefuses(t *testing.T) {
	wrong := mustFilter(t, 8000, 24000)
	for _, tc := range []struct {
		config resample.Config
		want   []string
	}{
		{resample.Config{From: 8001, To: 16000, Channels: 1}, []string{"8001", "8000 11025 12000 16000 22050 24000 32000 44100 48000"}},
		{resample.Config{From: 8000, To: 96000, Channels: 1}, []string{"96000", "44100"}},
		{resample.Config{From: 0, To: 16000, Channels: 1}, []string{"rate 0"}},
		{resample.Config{From: 8000, To: 16000}, []string{"0 channels", "1 (mono) or 2"}},
		{resample.Config{From: 8000, To: 16000, Channels: 3}, []string{"3 channels"}},
		{resample.Config{From: 8000, To: 16000, Channels: 1, Filter: wrong}, []string{"8000 → 24000", "NewFilter(8000, 16000)"}},
	} {
		_, err := resample.New(tc.config)
		if err == nil {
			t.Errorf("%+v: accepted", tc.config)
			continue
		}
		for _, w := range tc.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%+v: error %q lacks %q", tc.config, err, w)
			}
		}
	}
}

func TestOutLen(t *testing.T) {
	for _, tc := range []struct{ from, to, n, want int }{
		{8000, 16000, 0, 0},
		{8000, 16000, 1, 2},
		{8000, 44100, 1, 6},
		{8000, 44100, 80, 441},
		{8000, 44100, 81, 447},
		{48000, 8000, 1, 1},
		{48000, 8000, 6, 1},
		{48000, 8000, 7, 2},
		{8000, 44100, 8000 * 10800, 44100 * 10800},
	} {
		if got := resample.OutLen(tc.from, tc.to, tc.n); got != tc.want {
			t.Errorf("OutLen(%d, %d, %d) = %d, want %d", tc.from, tc.to, tc.n, got, tc.want)
		}
	}
}

func TestLength(t *testing.T) {
	pairs(t, func(t *testing.T, from, to int) {
		for _, n := range []int{0, 1, 2, 3, 23, 24, 25, 47, 48, 160, 511, 512, 513, 1601} {
			for channels := 1; channels <= 2; channels++ {
				got := len(whole(t, from, to, channels, noise(1, n*channels)))
				if want := resample.OutLen(from, to, n) * channels; got != want {
					t.Errorf("%d frames of %d channels: %d values out, want %d", n, channels, got, want)
				}
			}
		}
	})
}

// However the input is cut, the output is the same to the bit; and what a
// spent Resampler does next, and one with a Filter of its own, is the same too.
func TestBlocks(t *testing.T) {
	pairs(t, func(t *testing.T, from, to int) {
		rnd := rand.New(rand.NewPCG(uint64(from), uint64(to)))
		for channels := 1; channels <= 2; channels++ {
			src := noise(2, 3000*channels)
			want := whole(t, from, to, channels, src)
			r, err := resample.New(resample.Config{From: from, To: to, Channels: channels})
			if err != nil {
				t.Fatal(err)
			}
			for _, longest := range []int{1, 7, 160, 1600, 2900} {
				var got []int16
				for rest := src; len(rest) > 0; {
					n := min(len(rest), channels*(1+rnd.IntN(longest)))
					got = r.Append(got, rest[:n])
					rest = rest[n:]
				}
				if got = r.Finish(got); !slices.Equal(got, want) {
					t.Fatalf("%d channels, blocks of up to %d frames: output differs from that of one block", channels, longest)
				}
			}
		}
	})
}

func TestStereoIsTwoMonos(t *testing.T) {
	pairs(t, func(t *testing.T, from, to int) {
		left, right := noise(3, 1500), noise(4, 1500)
		var src, want []int16
		for i := range left {
			src = append(src, left[i], right[i])
		}
		l, r := whole(t, from, to, 1, left), whole(t, from, to, 1, right)
		for i := range l {
			want = append(want, l[i], r[i])
		}
		if !slices.Equal(whole(t, from, to, 2, src), want) {
			t.Error("stereo differs from its channels resampled alone")
		}
	})
}

func TestHalfFrameIsDropped(t *testing.T) {
	src := noise(5, 1000)
	if !slices.Equal(whole(t, 8000, 16000, 2, src[:999]), whole(t, 8000, 16000, 2, src[:998])) {
		t.Error("half a frame at the end of the input changed the output")
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	r := mustNew(t, 8000, 16000, 1)
	src := noise(6, 300)
	got := r.Finish(r.Append([]int16{1, 2, 3}, src))
	if !slices.Equal(got, append([]int16{1, 2, 3}, whole(t, 8000, 16000, 1, src)...)) {
		t.Error("Append and Finish did not append")
	}
}

// Upwards the input's own samples are in the output untouched.
func TestInputSamplesSurvive(t *testing.T) {
	for _, to := range []int{8000, 16000, 24000, 32000, 48000} {
		src := noise(7, 1000)
		out := whole(t, 8000, to, 1, src)
		for i, s := range src {
			if got := out[i*to/8000]; got != s {
				t.Fatalf("8000 → %d: input sample %d is %d in the output, want %d", to, i, got, s)
			}
		}
	}
}

// A constant stays that constant, at the limits too, once the filter is full.
func TestConstant(t *testing.T) {
	pairs(t, func(t *testing.T, from, to int) {
		for _, level := range []int16{-32768, -1, 0, 1, 12345, 32767} {
			src := slices.Repeat([]int16{level}, 1200)
			out := whole(t, from, to, 1, src)
			edge := 32 * max(from, to) / from // half the filter and more, in output samples
			for i, v := range out[edge : len(out)-edge] {
				if v != level {
					t.Fatalf("constant %d: output %d is %d", level, edge+i, v)
				}
			}
		}
	})
}

func TestAllocations(t *testing.T) {
	filter := mustFilter(t, 8000, 44100)
	for _, tc := range []struct{ from, to, channels int }{{8000, 16000, 1}, {8000, 16000, 2}, {48000, 8000, 1}, {8000, 44100, 2}} {
		r := mustNew(t, tc.from, tc.to, tc.channels)
		src := noise(8, 1600*tc.channels)
		dst := make([]int16, 0, 10000*tc.channels)
		if n := testing.AllocsPerRun(20, func() { dst = r.Finish(r.Append(dst[:0], src)) }); n != 0 {
			t.Errorf("%+v: %v allocations a block, want 0", tc, n)
		}
	}
	n := testing.AllocsPerRun(20, func() {
		if _, err := resample.New(resample.Config{From: 8000, To: 44100, Channels: 2, Filter: filter}); err != nil {
			t.Fatal(err)
		}
	})
	if n > 5 {
		t.Errorf("New with a Filter: %v allocations, want at most 5", n)
	}
}

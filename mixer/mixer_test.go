package mixer

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestMono(t *testing.T) {
	m := New(1)
	got := m.Append([]int16{7}, []int16{1, 30000, -30000, 32767, -32768, 20000}, []int16{2, 30000, -30000, 1, -1, -20000})
	want := []int16{7, 3, 32767, -32768, 32767, -32768, 0}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if m.Clipped() != 4 {
		t.Errorf("clipped %d, want 4", m.Clipped())
	}
}

func TestStereo(t *testing.T) {
	m := New(2)
	got := m.Append(nil, []int16{1, 2, 32767}, []int16{4, 5, 32767})
	if want := []int16{1, 4, 2, 5, 32767, 32767}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if m.Clipped() != 0 {
		t.Errorf("stereo clipped %d samples", m.Clipped())
	}
}

// The sum in wide integers, cut afterwards, is the oracle.
func TestMonoAgainstWideSum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	a, b := make([]int16, 4099), make([]int16, 4099)
	for i := range a {
		a[i], b[i] = int16(r.Uint32()), int16(r.Uint32())
	}
	for from := range 5 { // also off the boundaries of words
		wideSum(t, a[from:], b[from:])
	}
	wideSum(t, a[1:], b[:len(b)-1])
}

func wideSum(t *testing.T, a, b []int16) {
	t.Helper()
	m := New(1)
	got := m.Append(nil, a, b)
	var clipped uint64
	for i := range a {
		want := max(-32768, min(32767, int64(a[i])+int64(b[i])))
		if want != int64(a[i])+int64(b[i]) {
			clipped++
		}
		if int64(got[i]) != want {
			t.Fatalf("sample %d: %d + %d gave %d", i, a[i], b[i], got[i])
		}
	}
	if m.Clipped() != clipped {
		t.Errorf("clipped %d, want %d", m.Clipped(), clipped)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	for _, channels := range []int{1, 2} {
		m := New(channels)
		a, dst := make([]int16, 1600), make([]int16, 0, 3200)
		if n := testing.AllocsPerRun(100, func() { dst = m.Append(dst[:0], a, a) }); n != 0 {
			t.Errorf("%d channels: %v allocations for each stretch", channels, n)
		}
	}
}

func BenchmarkMono(b *testing.B) {
	m := New(1)
	x, dst := make([]int16, 1600), make([]int16, 0, 1600)
	for b.Loop() {
		dst = m.Append(dst[:0], x, x)
	}
	b.ReportMetric(float64(b.N)*0.2/b.Elapsed().Seconds(), "x-realtime")
	b.ReportMetric(0, "ns/op")
}

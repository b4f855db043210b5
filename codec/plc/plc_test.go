package plc

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// tone is n samples of a sine.
func tone(hz, level float64, n int) []int16 {
	x := make([]int16, n)
	for i := range x {
		x[i] = int16(math.Round(level * math.Sin(2*math.Pi*hz*float64(i)/8000)))
	}
	return x
}

// noise is n samples of white noise.
func noise(seed uint64, level float64, n int) []int16 {
	r := rand.New(rand.NewPCG(seed, 711))
	x := make([]int16, n)
	for i := range x {
		x[i] = int16(max(-32768, min(32767, level*r.NormFloat64())))
	}
	return x
}

// lose is what is heard when x[from:to] is lost.
func lose(x []int16, from, to int) []int16 {
	y := slices.Clone(x)
	clear(y[from:to])
	var c Concealer
	c.Resume(y[:from])
	c.Conceal(y, from, to)
	c.Resume(y[to:])
	return y
}

func rms(x []int16) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(x)))
}

// steepest is the greatest difference of neighbours.
func steepest(x []int16) (most int) {
	for i := range x[1:] {
		most = max(most, int(x[i+1])-int(x[i]), int(x[i])-int(x[i+1]))
	}
	return most
}

func gain(n int) float64 { return max(0, min(1, 1-0.2*float64(n-80)/80)) }

// 200 Hz repeats each 40 samples, so that what is concealed is what was lost, but
// for its level.
func TestToneKeepsItsPhase(t *testing.T) {
	x := tone(200, 10000, 2400)
	for lost := 1; lost <= 700; lost++ {
		from := 800 + lost%40
		y := lose(x, from, from+lost)
		for i := range x {
			want := float64(x[i])
			if i >= from && i < from+lost {
				want *= gain(i - from)
			}
			// Beside the gap the tone is blended with itself, and with its weaker self.
			if i >= from+lost && i < from+lost+MaxFade {
				if lo, hi := want*gain(i-from), want; float64(y[i]) < min(lo, hi)-3 || float64(y[i]) > max(lo, hi)+3 {
					t.Fatalf("%d lost, sample %d after the gap: %d, want between %.0f and %.0f", lost, i-from-lost, y[i], lo, hi)
				}
			} else if math.Abs(float64(y[i])-want) > 3 {
				t.Fatalf("%d lost, sample %d: %d, want %.0f", lost, i-from, y[i], want)
			}
		}
	}
}

// A tone whose period is not a whole number of samples: no step between samples
// is much steeper than its own.
func TestNoClicks(t *testing.T) {
	for _, hz := range []float64{70, 97, 123.4, 180, 311, 440} {
		x := tone(hz, 12000, 2400)
		own := steepest(x)
		for lost := 1; lost <= 600; lost += 7 {
			if got := steepest(lose(x, 900, 900+lost)); got > own*3/2 {
				t.Errorf("%g Hz, %d lost: a step of %d, the tone has %d at most", hz, lost, got, own)
			}
		}
	}
}

func TestNoiseKeepsItsLevelThenFades(t *testing.T) {
	for seed := range uint64(20) {
		x := noise(seed, 3000, 2400)
		y := lose(x, 800, 1600)
		for at := 0; at < Reach; at += step {
			got := rms(y[800+at:800+at+step]) / 3000
			want := gain(at + step/2)
			if db := 20 * math.Log10(got/want); math.Abs(db) > 4 {
				t.Errorf("noise %d, %d ms into the gap: level %.2f, want %.2f (%+.1f dB)", seed, at/8, got, want, db)
			}
		}
		for i, v := range y[800+Reach : 1600] {
			if v != 0 {
				t.Fatalf("noise %d: sample %d after %d is %d, want silence", seed, i, Reach, v)
			}
		}
		// Out of silence the voice comes back over 10 ms, and then is what it was.
		if first := y[1600]; math.Abs(float64(first)) > 3000*4/MaxFade {
			t.Errorf("noise %d begins again with %d", seed, first)
		}
		if !slices.Equal(y[1600+MaxFade:], x[1600+MaxFade:]) {
			t.Errorf("noise %d is changed after the cross-fade", seed)
		}
	}
}

// The cross-fade at the end is a quarter of the period, 4 ms longer for each 10 ms
// after the first, and 10 ms at most. From full scale to its opposite each sample
// of it shows.
func TestCrossFadeGrowsWithTheGap(t *testing.T) {
	for _, c := range []struct{ lost, want int }{
		{1, 10}, {40, 10}, {80, 10}, {100, 18}, {160, 42}, {240, 74}, {254, 79}, {255, 80}, {320, 80}, {800, 80},
	} {
		x := tone(200, 10000, 1400)
		for i := range x[400+c.lost:] {
			x[400+c.lost+i] = 20000
		}
		y := lose(x, 400, 400+c.lost)[400+c.lost:]
		got := slices.Index(y, 20000) + 1
		if got != c.want {
			t.Errorf("%d lost: the cross-fade ends at sample %d, want %d", c.lost, got, c.want)
		}
	}
}

func TestOnlyTheOverlapBeforeAGapChanges(t *testing.T) {
	for seed := range uint64(50) {
		x := noise(seed, 5000, 1000)
		y := lose(x, 600, 700)
		if !slices.Equal(x[:600-Overlap], y[:600-Overlap]) {
			t.Fatalf("noise %d: more than the overlap before the gap is changed", seed)
		}
	}
}

// Only the last History samples count.
func TestHistoryIsEnough(t *testing.T) {
	for seed := range uint64(50) {
		x := noise(seed, 5000, 2000)
		long, short := lose(x, 1000, 1300), lose(x[1000-History:], History, History+300)
		if !slices.Equal(long[1000-History:], short) {
			t.Fatalf("noise %d: what lies before the history matters", seed)
		}
	}
}

// A leg whose first packets are lost, or all but a few samples of them: as if
// silence came before.
func TestStartOfALeg(t *testing.T) {
	x := noise(5, 5000, 2000)
	for known := 0; known <= History; known++ {
		y := lose(x[:known+700], known, known+200)
		padded := append(make([]int16, History), x[:known+700]...)
		if want := lose(padded, History+known, History+known+200)[History:]; !slices.Equal(y, want) {
			t.Fatalf("after %d samples: not what silence before them gives", known)
		}
	}
	if y := lose(x, 0, 200); slices.ContainsFunc(y[:200], func(v int16) bool { return v != 0 }) {
		t.Error("something is heard before the leg's first sample")
	}
}

func TestSilenceStaysSilence(t *testing.T) {
	for lost := 1; lost < 600; lost += 11 {
		if y := lose(make([]int16, 1400), 500, 500+lost); slices.ContainsFunc(y, func(v int16) bool { return v != 0 }) {
			t.Fatalf("%d lost: silence is heard as something", lost)
		}
	}
}

// Every other packet of a tone is lost, of every ptime there is: it goes on.
func TestGapsCloseTogether(t *testing.T) {
	for _, packet := range []int{5, 40, 80, 160, 240} {
		x := tone(160, 8000, 800+4800)
		y := slices.Clone(x)
		var c Concealer
		for at := 800; at < len(y); at += 2 * packet {
			c.Resume(y[at : at+packet])
			clear(y[at+packet : at+2*packet])
			c.Conceal(y, at+packet, at+2*packet)
		}
		if got, own := steepest(y[800:]), steepest(x); got > own*3/2 {
			t.Errorf("packets of %d: a step of %d, the tone has %d at most", packet, got, own)
		}
		if got := rms(y[800:]) / rms(x); got < 0.3 || got > 1.02 {
			t.Errorf("packets of %d: the level is %.2f of the tone's", packet, got)
		}
	}
}

// A square wave at full scale goes on, and nowhere turns over.
func TestFullScale(t *testing.T) {
	x := make([]int16, 2000)
	for i := range x {
		x[i] = []int16{math.MaxInt16, math.MinInt16}[i/30%2]
	}
	for lost := 1; lost < 700; lost++ {
		y := lose(x, 900, 900+lost)
		if !slices.Equal(x[:900+min(lost, step)], y[:900+min(lost, step)]) {
			t.Fatalf("%d lost: the first 10 ms are not as they were", lost)
		}
		for i := range x {
			if y[i] != 0 && y[i] > 0 != (x[i] > 0) {
				t.Fatalf("%d lost, sample %d: %d where there was %d", lost, i-900, y[i], x[i])
			}
		}
	}
}

func TestNothingLostNothingDone(t *testing.T) {
	x := noise(9, 8000, 800)
	y := slices.Clone(x)
	var c Concealer
	c.Resume(y)
	c.Conceal(y, 400, 400)
	c.Resume(y[400:])
	if !slices.Equal(x, y) {
		t.Error("samples are changed though none was lost")
	}
	if c != (Concealer{}) {
		t.Error("an empty gap leaves something behind")
	}
}

func TestResetForgetsTheGap(t *testing.T) {
	x := noise(10, 8000, 1200)
	y := slices.Clone(x)
	var c Concealer
	c.Conceal(y, 600, 700)
	c.Reset()
	c.Resume(y[700:])
	if !slices.Equal(x[700:], y[700:]) {
		t.Error("what follows a reset is faded into")
	}
	// And the next gap begins with what is before it.
	c.Conceal(y, 1000, 1100)
	fresh := slices.Clone(x)
	copy(fresh[570:700], y[570:700])
	if want := lose(fresh, 1000, 1100); !slices.Equal(y[1000:1100], want[1000:1100]) {
		t.Error("a gap after a reset goes on from the one before")
	}
}

func TestNothingIsAllocated(t *testing.T) {
	buf := noise(11, 8000, 2000)
	var c Concealer
	if n := testing.AllocsPerRun(100, func() {
		c.Conceal(buf, 600, 900)
		c.Resume(buf[900:])
	}); n != 0 {
		t.Errorf("%v allocations a gap, want 0", n)
	}
	if size := unsafe.Sizeof(c); size != 786 {
		t.Errorf("a Concealer is %d bytes, its comment says 786", size)
	}
}

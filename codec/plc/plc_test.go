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
	c.Received(y, 0, from)
	c.Lost(y, from, to)
	c.Received(y, to, len(y))
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

// gain is the level of a voice at its sample n in a gap.
func gain(n int) float64 { return max(0, min(1, 1-0.2*float64(n-80)/80)) }

// shares are those of the voice before a gap and of the one after it, at sample n
// of the gap.
func shares(n, lost int) (before, after float64) {
	blended := min(lost, Reach)
	w := max(0, float64(n-lost+blended+1)/float64(blended+1))
	return gain(n) * (1 - w), gain(lost-1-n) * w
}

// 200 Hz repeats each 40 samples. Where the gap is a multiple of it long, both
// voices are in phase: what is concealed is what was lost, but for its level.
func TestToneKeepsItsPhase(t *testing.T) {
	x := tone(200, 10000, 2400)
	for lost := 1; lost <= 700; lost++ {
		from := 800 + lost%40
		y := lose(x, from, from+lost)
		for n := range lost {
			before, after := shares(n, lost)
			want := float64(x[from+n]) * (before + after)
			if math.Abs(float64(y[from+n])-want) > 4 {
				t.Fatalf("%d lost, sample %d: %d, want %.0f", lost, n, y[from+n], want)
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

func TestNoiseFadesAndComesBack(t *testing.T) {
	const lost = 1600
	var heard [lost / step]float64 // the energy of each 10 ms
	const times = 50
	for seed := range uint64(times) {
		y := lose(noise(seed, 3000, 3200), 800, 800+lost)
		for i := range heard {
			level := rms(y[800+i*step:][:step]) / 3000
			heard[i] += level * level / times
		}
	}
	for i, got := range heard {
		before, after := shares(i*step+step/2, lost)
		want := before*before + after*after // the two have nothing to do with each other
		if math.Abs(got-want) > 0.2*want+0.01 {
			t.Errorf("%d ms into the gap: energy %.3f, want %.3f", i*10, got, want)
		}
		if far := i*step >= Reach && (i+1)*step <= lost-Reach; far && got != 0 {
			t.Errorf("%d ms into the gap something is heard", i*10)
		}
	}
}

func TestWhatWasReceivedStays(t *testing.T) {
	for seed := range uint64(50) {
		from, lost := 100+int(seed)*10, 1+int(seed*seed)%900
		x := noise(seed, 5000, 2400)
		y := lose(x, from, from+lost)
		if !slices.Equal(x[:from], y[:from]) || !slices.Equal(x[from+lost:], y[from+lost:]) {
			t.Fatalf("noise %d: samples are changed that were received", seed)
		}
	}
}

// A leg whose first packets are lost, or all but a few samples of them: as if
// silence came before.
func TestStartOfALeg(t *testing.T) {
	x := noise(5, 5000, 2000)
	for known := 0; known <= history; known++ {
		y := lose(x[:known+700], known, known+200)
		padded := append(make([]int16, history), x[:known+700]...)
		if want := lose(padded, history+known, history+known+200)[history:]; !slices.Equal(y, want) {
			t.Fatalf("after %d samples: not what silence before them gives", known)
		}
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
	for _, ptime := range []int{1, 5, 40, 80, 160, 240, 480, 960} {
		x := tone(160, 8000, 960+11*960)
		y := slices.Clone(x)
		var c Concealer
		for at := 960; at < len(y); at += 2 * ptime {
			c.Lost(y, at, min(at+ptime, len(y)))
			c.Received(y, min(at+ptime, len(y)), min(at+2*ptime, len(y)))
		}
		y = y[:len(y)-3*960] // the last gaps are still open
		if got, own := steepest(y), steepest(x); got > own*3/2 {
			t.Errorf("packets of %d: a step of %d, the tone has %d at most", ptime, got, own)
		}
		if got := rms(y) / rms(x); got < 0.7 || got > 1.02 {
			t.Errorf("packets of %d: the level is %.2f of the tone's", ptime, got)
		}
	}
}

// A square wave at full scale goes on, and nowhere turns over. The gap is of whole
// periods, so that both voices are in phase.
func TestFullScale(t *testing.T) {
	x := make([]int16, 2400)
	for i := range x {
		x[i] = []int16{math.MaxInt16, math.MinInt16}[i/30%2]
	}
	for lost := 60; lost < 700; lost += 60 {
		y := lose(x, 900, 900+lost)
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
	c.Received(y, 0, 800)
	c.Lost(y, 400, 400)
	c.Received(y, 400, 800)
	if !slices.Equal(x, y) {
		t.Error("samples are changed though none was lost")
	}
	if c != (Concealer{}) {
		t.Error("an empty gap leaves something behind")
	}
}

// A gap whose other side never comes, as where a leg ends, is as long as it is.
func TestEndOfALeg(t *testing.T) {
	x := buzz(3, 2400)
	y := slices.Clone(x)
	var c Concealer
	c.Lost(y, 800, 900)
	c.Received(y, 900, 1000)
	c.Lost(y, 1000, 1000+Hold)
	for _, gap := range [][]int16{y[800:900], y[1000:1080]} {
		if level := rms(gap) / rms(x[800:1100]); level < 0.3 {
			t.Errorf("the level is %.2f of the voice's", level)
		}
	}
	if !slices.Equal(x[900:1000], y[900:1000]) {
		t.Error("the last samples that were received are changed")
	}
}

func TestNothingIsAllocated(t *testing.T) {
	buf := noise(11, 8000, 2000)
	var c Concealer
	if n := testing.AllocsPerRun(100, func() {
		c.Lost(buf, 600, 900)
		c.Received(buf, 900, 2000)
	}); n != 0 {
		t.Errorf("%v allocations a gap, want 0", n)
	}
	if size := unsafe.Sizeof(c); size > 4 {
		t.Errorf("a Concealer is %d bytes, its comment says 4", size)
	}
}

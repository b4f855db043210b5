package clock

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// plainest is the line that lies under all points and is nearest to them, found by
// trying every two of them.
func plainest(points []point) (slope float64, ok bool) {
	least := math.Inf(1)
	for i, a := range points {
		for _, b := range points[i+1:] {
			s := float64(b.delay-a.delay) / float64(b.at-a.at)
			sum := 0.0
			for _, p := range points {
				above := float64(p.delay-a.delay) - s*float64(p.at-a.at)
				if above < -1 { // of a nanosecond
					sum = math.Inf(1)
					break
				}
				sum += above
			}
			if sum < least {
				least, slope, ok = sum, s, true
			}
		}
	}
	return slope, ok
}

func TestLineIsThePlainestOne(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 2000 {
		var d Drift
		d.n = enough + r.IntN(windows-enough+1)
		at := time.Duration(0)
		for i := range d.n {
			at += time.Second + time.Duration(r.Int64N(int64(3*time.Second)))
			d.lows[i] = point{at, time.Duration(r.ExpFloat64()*400e3) + time.Duration(float64(at)*50e-6)}
		}
		want, ok := plainest(d.lows[:d.n])
		d.fit()
		if ppm, known := d.PPM(); known && (!ok || math.Abs(-ppm-want*1e6) > 0.01) {
			t.Fatalf("%d points: %.3f ppm, want %.3f", d.n, -ppm, want*1e6)
		}
	}
}

// drive gives a Drift an hour of packets from a clock that is ppm fast, behind a
// network, and calls look after each minute.
func drive(d *Drift, ppm float64, minutes int, network func(i int) time.Duration, look func(minute int)) {
	for i := range minutes * 3000 {
		sent := time.Duration(float64(i) * 20e6 / (1 + ppm/1e6))
		d.Add(sent+network(i), int64(i)*160)
		if i%3000 == 2999 {
			look(i/3000 + 1)
		}
	}
}

func TestDriftIsMeasured(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, ppm := range []float64{0, 20, -20, 100, -300} {
		var d Drift
		for i := range 30000 { // ten minutes
			sent := time.Duration(i) * 20 * time.Millisecond
			at := time.Duration(float64(sent) / (1 + ppm/1e6))
			jitter := time.Duration(r.ExpFloat64() * float64(10*time.Millisecond))
			if i%50 == 0 {
				jitter = time.Duration(r.Int64N(int64(time.Millisecond)))
			}
			d.Add(at+jitter, int64(i)*160)
		}
		got, ok := d.PPM()
		if !ok || math.Abs(got-ppm) > 2 {
			t.Errorf("%v ppm measured as %.2f (%v)", ppm, got, ok)
		}
	}
}

func TestDriftSaysWhenItDoesNotKnow(t *testing.T) {
	var d Drift
	for i := range 100 {
		if _, ok := d.PPM(); ok {
			t.Fatal("an estimate from two seconds")
		}
		d.Add(time.Duration(i)*20*time.Millisecond, int64(i)*160)
	}
}

// A queue that comes and goes is not a drift, at whatever time it stands.
func TestQueuesAreNotDrift(t *testing.T) {
	for _, stands := range [][2]int{{0, 3000}, {500, 6000}, {3000, 12000}, {30000, 45000}} {
		var d Drift
		r := rand.New(rand.NewPCG(1, uint64(stands[0])))
		drive(&d, 30, 30, func(i int) time.Duration {
			j := time.Duration(r.Int64N(int64(5 * time.Millisecond)))
			if i >= stands[0] && i < stands[1] {
				j += 60 * time.Millisecond
			}
			return j
		}, func(minute int) {
			if ppm, ok := d.PPM(); ok && minute*3000 > stands[0]+600 && math.Abs(ppm-30) > 8 {
				t.Errorf("queue from packet %d to %d: %.1f ppm after %d minutes", stands[0], stands[1], ppm, minute)
			}
		})
	}
}

// Jitter that hardly ever leaves a packet alone is no drift either: within a call's
// first minute it may not pull a leg of a steady clock out of step.
func TestHeavyJitterIsNotDrift(t *testing.T) {
	for jitter, most := range map[time.Duration]time.Duration{20 * time.Millisecond: time.Millisecond, 80 * time.Millisecond: 6 * time.Millisecond} {
		for seed := range uint64(200) {
			var d Drift
			r := rand.New(rand.NewPCG(seed, 3))
			for i := range 3000 { // a minute
				at := time.Duration(i) * 20 * time.Millisecond
				d.Add(at+time.Duration(r.Int64N(int64(jitter))), int64(i)*160)
				if least, ok := d.Delay(at); ok && least.Abs() > most {
					t.Fatalf("jitter of %v, call %d: after %v the leg is held to be %v away", jitter, seed, at, least)
				}
			}
		}
	}
}

// A path that becomes shorter is believed at once, and the slope is kept.
func TestShorterPathIsBelieved(t *testing.T) {
	var d Drift
	r := rand.New(rand.NewPCG(1, 1))
	drive(&d, -80, 20, func(i int) time.Duration {
		j := time.Duration(r.Int64N(int64(5 * time.Millisecond)))
		if i < 30000 {
			j += 50 * time.Millisecond
		}
		return j
	}, func(minute int) {
		if minute < 2 {
			return
		}
		i := minute*3000 - 1
		sent := time.Duration(float64(i) * 20e6 / (1 - 80e-6))
		truth := delay(sent, int64(i)*160)
		if minute <= 10 {
			truth += 50 * time.Millisecond
		}
		ppm, _ := d.PPM()
		least, ok := d.Delay(sent)
		if off := (least - truth).Abs(); !ok || off > time.Millisecond || math.Abs(ppm+80) > 4 {
			t.Errorf("after %d minutes: %v from the truth, %.1f ppm", minute, off, ppm)
		}
	})
}

// A clock cannot be as wrong as this: it is not believed.
func TestImplausibleClocks(t *testing.T) {
	var d Drift
	drive(&d, 20000, 2, func(int) time.Duration { return 0 }, func(int) {})
	if ppm, ok := d.PPM(); ok {
		t.Errorf("believed a clock that is %v ppm wrong", ppm)
	}
}

// Where every packet meets another queue nobody knows the drift, and hardly ever is
// anything said of it.
func TestDriftIsUnknownBehindAQueue(t *testing.T) {
	const senders = 200
	fooled := 0
	for seed := range uint64(senders) {
		r := rand.New(rand.NewPCG(seed, 4))
		var d Drift
		for i := range 40 { // one packet a window
			at := time.Duration(i) * firstWindow
			d.Add(at+time.Duration(r.Int64N(int64(60*time.Millisecond))), Samples(at))
		}
		if _, ok := d.PPM(); ok {
			fooled++
		}
	}
	t.Logf("%d of %d senders have a drift", fooled, senders)
	if fooled > senders/20 {
		t.Errorf("%d of %d senders have a drift, want none", fooled, senders)
	}
}

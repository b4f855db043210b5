package clock

import (
	"math"
	"testing"
)

// turn is what passes between two times that a course is steered: 200 ms.
const turn = Rate / 5

// follow steers a course for a time behind a clock that is ppm fast, told the
// truth, and says how far it was off at most and at the end, in samples.
func follow(c *Course, ppm float64, seconds int, silent bool) (most, last float64) {
	for n := range int64(5 * seconds) {
		want := float64(n*turn) * ppm / 1e6
		c.Steer(want, ppm, true, turn)
		if k := c.Due(); silent && k != 0 {
			c.Jump(k)
		}
		last = math.Abs(float64(c.Shift())/One - want)
		most = max(most, last)
		c.Advance(turn)
	}
	return most, last
}

func TestCourseFollowsAClock(t *testing.T) {
	for _, ppm := range []float64{-1000, -300, -20, 5, 20, 100, 300} {
		var c Course
		// 3 ms is what it takes to get going without being heard; worse clocks than
		// any telephone's may be 25 ms out on the way.
		bound := 24.0
		if math.Abs(ppm) > 100 {
			bound = 40
		}
		if math.Abs(ppm) > 300 {
			bound = 200
		}
		if most, last := follow(&c, ppm, 1800, false); most > bound || last > 2 {
			t.Errorf("%v ppm: at most %.1f samples off, %.1f at the end", ppm, most, last)
		}
		var quiet Course
		if most, last := follow(&quiet, ppm, 1800, true); most > DeadBand+2 || last > jumpFrom {
			t.Errorf("%v ppm, with silence to jump in: at most %.1f samples off, %.1f at the end", ppm, most, last)
		}
	}
}

// Within the dead band nothing is done, however long and from whichever side.
func TestCourseLeavesAloneWhatIsRight(t *testing.T) {
	var c Course
	for n := range 100000 {
		c.Steer(DeadBand*math.Sin(float64(n)/50), 0.3, true, turn)
		c.Steer(1e6, 500, false, turn) // nobody knows
		c.Advance(turn)
	}
	if !c.Straight() || c.Shift() != 0 || c.Due() != 0 {
		t.Errorf("bent by %v", c.Shift())
	}
}

// A place that was wrong, and no drift: it is put right, and then samples pass
// untouched again.
func TestCourseEndsWhatIsDone(t *testing.T) {
	var c Course
	for range 3000 {
		c.Steer(30.4, 0.1, true, turn)
		c.Advance(turn)
	}
	if got := float64(c.Shift()) / One; c.Step() != One || math.Abs(got-30.4) > jumpFrom {
		t.Errorf("shift %.2f, step %d; want near 30.4, and %d", got, c.Step(), int64(One))
	}
	if !c.Loose() {
		t.Fatal("nothing is left between two samples; the test wants another figure")
	}
	if c.Settle(); !c.Straight() {
		t.Error("settled, and still between two samples")
	}
}

// Where nobody listens there is nothing to spare.
func TestCoursePut(t *testing.T) {
	var c Course
	c.Put(10, 100, true)
	if c.Shift() != 0 {
		t.Errorf("10 samples are within the dead band, and moved by %v", c.Shift())
	}
	c.Put(3000.4, 100, false)
	c.Put(2000.4, 100, true)
	if c.Shift() != 2000<<32 || c.Step() <= One {
		t.Errorf("shift %v, step %v", float64(c.Shift())/One, c.Step())
	}
	c.Release()
	if c.Step() != One || c.Shift() != 2000<<32 || c.Due() != 0 {
		t.Error("a released course goes on")
	}
}

// A course may be asked for anything; it never runs away.
func TestCourseIsBounded(t *testing.T) {
	var c Course
	for _, want := range []float64{1e9, -1e9, 4e9} {
		for range 1000 {
			c.Steer(want, want, true, turn)
			c.Advance(turn)
			if step := c.Step() - One; math.Abs(float64(step)) > One*steepest/1e6 {
				t.Fatalf("a rate of %v", float64(step)/One)
			}
		}
	}
}

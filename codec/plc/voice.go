package plc

// step is 10 ms: what the Recommendation counts gaps in.
const step = 80

// voice is a voice that is led on from where it is known.
type voice struct {
	past   [history]int16 // the last that is known of it; silence where nothing is
	period int
	jump   int // from what would follow itself to the last that is known
}

// after sets the past to the end of buf.
func (v *voice) after(buf []int16) {
	last := buf[max(0, len(buf)-history):]
	copy(v.past[history-len(last):], last)
}

// before sets the past to the start of buf, for a voice that is led backwards.
func (v *voice) before(buf []int16) {
	for i, s := range buf[:min(len(buf), history)] {
		v.past[history-1-i] = s
	}
}

// repeat finds what the voice repeats.
func (v *voice) repeat() {
	v.period = period(&v.past)
	v.jump = int(v.past[history-1]) - int(v.past[history-1-v.period])
}

// sample is the n-th of what follows the past.
func (v *voice) sample(n int) int16 {
	if n >= Reach {
		return 0
	}
	if n < step {
		s := int(v.turns(1, n))
		// The Recommendation changes the last samples that were received, so that they
		// lead into the voice. Here the voice leads away from them.
		if left := v.overlap() - 1 - n; left > 0 {
			s += v.jump * left / v.overlap()
		}
		return int16(max(-1<<15, min(s, 1<<15-1)))
	}
	periods := min(n/step+1, 3)
	s := v.turns(periods, n)
	// One more period has joined in: the way there is as smooth as that around.
	if since := n - (periods-1)*step; since < v.overlap() {
		s = blend(v.turns(periods-1, n), s, since+1, v.overlap())
	}
	return int16(int(s) * (Reach - n) / (Reach - step))
}

// turns is sample n where the last few periods take turns: that many do from
// 10 ms on for each one after the first. They begin with the oldest, at the same
// place in its period that was reached.
func (v *voice) turns(periods, n int) int16 {
	start := (periods - 1) * step
	return v.cycle((start%v.period+n-start)%(periods*v.period), periods*v.period)
}

// cycle is a sample of the last stretch of the past, as one that follows itself:
// its end is blended into what came before its beginning.
func (v *voice) cycle(at, length int) int16 {
	here := history - length + at
	if left := length - at; left <= v.overlap() {
		return blend(v.past[here], v.past[here-length], v.overlap()-left+1, v.overlap())
	}
	return v.past[here]
}

// overlap is over how many samples the voice is joined to itself: a quarter of its
// period.
func (v *voice) overlap() int { return v.period / 4 }

// blend is the way from a to b: step 1 to steps, the last of which is b.
func blend(a, b int16, step, steps int) int16 {
	return int16((int(a)*(steps-step) + int(b)*step) / steps)
}

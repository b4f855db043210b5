package plc

// voice is sample n of the voice that goes on where a gap began: a function of
// what came before, and of nothing else.
func (c *Concealer) voice(n int) int16 {
	if n >= Reach {
		return 0
	}
	if n < step {
		return c.repeat(1, n)
	}
	periods := min(n/step+1, 3)
	v := c.repeat(periods, n)
	// One more period has joined in: the way there is as smooth as that around.
	if since := n - (periods-1)*step; since < c.overlap() {
		v = blend(c.repeat(periods-1, n), v, since+1, c.overlap())
	}
	return int16(int(v) * (Reach - n) / (Reach - step))
}

// repeat is sample n of the voice that repeats its last few periods. That many
// take turns from 10 ms on for each one after the first; they begin with the
// oldest, at the same place in its period that was reached.
func (c *Concealer) repeat(periods, n int) int16 {
	start, one := (periods-1)*step, int(c.period)
	return c.cycle((start%one+n-start)%(periods*one), periods*one)
}

// cycle is a sample of the last stretch of the past, as one that follows itself:
// its end is blended into what came before its beginning.
func (c *Concealer) cycle(at, length int) int16 {
	here := History - length + at
	if left := length - at; left <= c.overlap() {
		return blend(c.past[here], c.past[here-length], c.overlap()-left+1, c.overlap())
	}
	return c.past[here]
}

// overlap is over how many samples the voice is joined to itself.
func (c *Concealer) overlap() int { return int(c.period) / 4 }

// blend is the way from a to b: step 1 to steps, the last of which is b.
func blend(a, b int16, step, steps int) int16 {
	return int16((int(a)*(steps-step) + int(b)*step) / steps)
}

package plc

import "math"

// The pitch of voices: 200 Hz to 66⅔ Hz. A higher one is found at a multiple of
// its period.
const (
	minPeriod = 40
	maxPeriod = 120
)

// window is what is compared with its past to find the period: 20 ms.
const window = 160

// floor keeps the level of what is near silence from counting: its energy over
// the window, in the units of the Recommendation.
const floor = 250

// period is how far back the past is most like its end: where the correlation of
// the two, over the level of the earlier one, is greatest. As the Recommendation
// has it, every second lag is tried on every second sample, then the neighbours of
// the best on all of them: a sixth of the work of a full search.
func period(past *[history]int16) int {
	best := search(past, minPeriod, maxPeriod, 2)
	return search(past, max(best-1, minPeriod), min(best+1, maxPeriod), 1)
}

// search is the best lag of those from shortest to longest, tried stride apart on
// samples stride apart.
func search(past *[history]int16, shortest, longest, stride int) int {
	best, most := shortest, math.Inf(-1)
	end := past[history-window:]
	var energy int64
	for lag := shortest; lag <= longest; lag += stride {
		earlier := past[history-window-lag:][:len(end)]
		var like int64
		for i := 0; i < len(end); i += stride {
			like += int64(end[i]) * int64(earlier[i])
		}
		if lag == shortest {
			for i := 0; i < len(end); i += stride {
				energy += int64(earlier[i]) * int64(earlier[i])
			}
		} else { // one sample has come in at the front, one has left at the end
			in, out := int64(earlier[0]), int64(past[history-lag])
			energy += in*in - out*out
		}
		// Whole numbers below 2^53: the root and the quotient are all that is rounded.
		if score := float64(like) / math.Sqrt(float64(max(energy, floor))); score > most {
			best, most = lag, score
		}
	}
	return best
}

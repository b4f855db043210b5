package main

import (
	"math"
	"strings"
	"time"

	"callrec/codec/g711"
)

// decoded is what the speech should sound like in a file.
func decoded(speech []byte) []int16 {
	pcm := make([]int16, len(speech))
	g711.Decode(g711.MuLaw, pcm, speech)
	return pcm
}

// loudness is what is said of one party's speech.
type loudness struct {
	active float64 // RMS of active speech, in dB below a full-scale square wave
	peak   float64 // the loudest sample, likewise
	speaks time.Duration
}

// measure takes the mean power of the 20 ms frames in which somebody speaks:
// those that are not silence, and of these, those less than 16 dB below their
// mean. 16 dB is the margin of ITU-T P.56; its hangover over pauses is left out.
func measure(pcm []int16) loudness {
	var frames []float64
	peak := 0.0
	for ; len(pcm) >= packetOctets; pcm = pcm[packetOctets:] {
		sum := 0.0
		for _, s := range pcm[:packetOctets] {
			v := math.Abs(float64(s)) / 32768
			sum += v * v
			peak = max(peak, v)
		}
		frames = append(frames, sum/packetOctets)
	}
	const silence = 1e-6 // -60 dBFS
	mean, _ := meanAbove(frames, silence)
	mean, n := meanAbove(frames, max(silence, mean/40))
	if n == 0 {
		return loudness{active: math.Inf(-1), peak: decibels(peak * peak)}
	}
	return loudness{active: decibels(mean), peak: decibels(peak * peak), speaks: time.Duration(n) * packetEvery}
}

func meanAbove(frames []float64, gate float64) (mean float64, n int) {
	for _, p := range frames {
		if p > gate {
			mean += p
			n++
		}
	}
	return mean / float64(max(n, 1)), n
}

func decibels(power float64) float64 { return 10 * math.Log10(power) }

// The steps of a waveform, from nothing to the loudest.
const (
	blockSteps = " ▁▂▃▄▅▆▇█"
	asciiSteps = " .:-=+*%#"
)

// waveformRange is how far below the loudest column of a call, in dB, a column
// is drawn as nothing.
const waveformRange = 24

// waveform draws both parties in so many columns each. A column is the power of
// its stretch in decibels; both parties have the same scale, so that the quieter
// one looks it.
func waveform(legs [2][]int16, columns int, steps string) (rows [2]string) {
	var power [2][]float64
	loudest := 0.0
	for leg, pcm := range legs {
		power[leg] = make([]float64, columns)
		for i := range power[leg] {
			from, to := len(pcm)*i/columns, len(pcm)*(i+1)/columns
			for _, s := range pcm[from:to] {
				power[leg][i] += float64(s) * float64(s) / float64(to-from)
			}
			loudest = max(loudest, power[leg][i])
		}
	}
	marks := []rune(steps)
	for leg := range legs {
		var row strings.Builder
		for _, p := range power[leg] {
			step := 0
			if p > 0 {
				part := 1 + decibels(p/loudest)/waveformRange // of the range, 1 for the loudest
				step = int(math.Ceil(part * float64(len(marks)-1)))
			}
			row.WriteRune(marks[max(0, min(step, len(marks)-1))])
		}
		rows[leg] = row.String()
	}
	return rows
}

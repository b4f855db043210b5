package main

import (
	"math"
	"time"
)

// meter measures the loudness of interleaved samples as measure does, but of any
// rate and as they come. It keeps the power of stretches of 20 ms; below 8 kHz
// they are longer, so that a file of silly rate takes no more memory than others.
type meter struct {
	channels, rate int
	stretch        int // samples of each channel
	at, channel    int // of the next value
	sum, peak      []float64
	powers         [][]float64
}

func newMeter(channels, rate int) *meter {
	return &meter{
		channels: channels, rate: rate, stretch: max(packetOctets, rate/50),
		sum: make([]float64, channels), peak: make([]float64, channels), powers: make([][]float64, channels),
	}
}

// add takes the next value, 1 being full scale.
func (m *meter) add(x float64) {
	ch := m.channel
	m.sum[ch] += x * x
	m.peak[ch] = max(m.peak[ch], math.Abs(x))
	if m.channel++; m.channel < m.channels {
		return
	}
	m.channel = 0
	if m.at++; m.at < m.stretch {
		return
	}
	m.at = 0
	for c, sum := range m.sum {
		m.powers[c] = append(m.powers[c], sum/float64(m.stretch))
		m.sum[c] = 0
	}
}

// loudness is that of each channel; what does not fill a stretch counts for the
// peak only.
func (m *meter) loudness() (all []loudness) {
	stretch := time.Duration(m.stretch) * time.Second / time.Duration(m.rate)
	for ch, powers := range m.powers {
		const silence = 1e-6 // -60 dBFS
		mean, _ := meanAbove(powers, silence)
		mean, n := meanAbove(powers, max(silence, mean/40))
		l := loudness{active: math.Inf(-1), peak: decibels(m.peak[ch] * m.peak[ch])}
		if n > 0 {
			l.active, l.speaks = decibels(mean), time.Duration(n)*stretch
		}
		all = append(all, l)
	}
	return all
}

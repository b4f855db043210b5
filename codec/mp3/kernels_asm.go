//go:build amd64 && !noasm

package mp3

import "golang.org/x/sys/cpu"

// hasAVX2 chooses the assembly. It needs no FMA: see fastmath.go.
var hasAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasAVX

func polyphase(out *subbands, pcm *[history + granuleLen]int16) {
	if hasAVX2 {
		polyphaseAVX2(out, pcm, &polyConst.window[0])
		return
	}
	polyphaseGo(out, pcm, &polyConst)
}

func mdctLong(out *[granuleLen]float32, x *block36, n int, win *[36]float32) {
	if hasAVX2 {
		mdctLongAVX2(out, x, win, &mdctConst.long[0][0][0])
		return
	}
	mdctLongGo(out, x, n, win, &mdctConst)
}

func mdctShort(out *[granuleLen]float32, x *[24][32]float32, n int) {
	if hasAVX2 {
		mdctShortAVX2(out, x, &mdctConst.long[0][0][0])
		return
	}
	mdctShortGo(out, x, n, &mdctConst)
}

func energies(e *[maxBands * lanes]float32, long, short *[granuleLen]float32, p *psyTables) {
	if hasAVX2 {
		energiesAVX2(e, long, short, &p.internal[0])
		return
	}
	energiesGo(e, long, short, p)
}

func excite(weights *[3][maxBands]float32, e *[maxBands * lanes]float32, pattern *[maxBands]float32, p *psyTables) {
	if hasAVX2 {
		exciteAVX2(weights, e, pattern, &p.internal[0], &exciteConst)
		return
	}
	exciteGo(weights, e, pattern, p)
}

func entropy(x *[granuleLen]float32, gain *lineValues) (float32, int) {
	if hasAVX2 {
		return entropyAVX2(x, gain)
	}
	return entropyGo(x, gain)
}

func expand(line *lineValues, value *[40]float32, bounds *[40]uint16, bands int) {
	if hasAVX2 {
		expandAVX2(line, value, bounds, bands)
		return
	}
	expandGo(line, value, bounds, bands)
}

func powers(mag, x *[granuleLen]float32) {
	if hasAVX2 {
		powersAVX2(mag, x)
		return
	}
	powersGo(mag, x)
}

func quantize(q *[granuleLen]uint16, mag *[granuleLen]float32, step, round float32) (int, int) {
	if hasAVX2 {
		return quantizeAVX2(q, mag, step, round)
	}
	return quantizeGo(q, mag, step, round)
}

func costs(sums *[40]laneCosts, most *[40]uint16, q *[granuleLen]uint16, bounds *[40]uint16, bands int) {
	if hasAVX2 {
		costsAVX2(&sums[0][0], most, q, bounds, bands, &pairBits[0][0])
		return
	}
	costsGo(sums, most, q, bounds, bands)
}

func split(sums *[40]laneCosts, most *[40]uint16, bands int) (int, int, int) {
	if hasAVX2 {
		return splitAVX2(&sums[0][0], most, bands, &noLane[0][0])
	}
	return splitGo(sums, most, bands)
}

func summarise(mean, peak *[40]float32, mag *[granuleLen]float32, bounds *[40]uint16, bands int) {
	if hasAVX2 {
		summariseAVX2(mean, peak, mag, bounds, bands)
		return
	}
	summariseGo(mean, peak, mag, bounds, bands)
}

func scale(mag *[granuleLen]float32, factor *[40]float32, bounds *[40]uint16, bands int) {
	if hasAVX2 {
		scaleAVX2(mag, factor, bounds, bands)
		return
	}
	scaleGo(mag, factor, bounds, bands)
}

func thirds(e *[slots / 3]float32, x *subbands) {
	if hasAVX2 {
		thirdsAVX2(e, x)
		return
	}
	thirdsGo(e, x)
}

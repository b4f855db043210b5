//go:build !amd64 || noasm

package mp3

func polyphase(out *subbands, pcm *[history + granuleLen]int16) { polyphaseGo(out, pcm, &polyConst) }

func mdctLong(out *[granuleLen]float32, x *block36, n int, win *[36]float32) {
	mdctLongGo(out, x, n, win, &mdctConst)
}

func mdctShort(out *[granuleLen]float32, x *[24][32]float32, n int) {
	mdctShortGo(out, x, n, &mdctConst)
}

func energies(e *[maxBands * lanes]float32, long, short *[granuleLen]float32, p *psyTables) {
	energiesGo(e, long, short, p)
}

func excite(weights *[3][maxBands]float32, e *[maxBands * lanes]float32, pattern *[maxBands]float32, p *psyTables) {
	exciteGo(weights, e, pattern, p)
}

func entropy(x *[granuleLen]float32, gain *lineValues) (float32, int) { return entropyGo(x, gain) }

func expand(line *lineValues, value *[40]float32, bounds *[40]uint16, bands int) {
	expandGo(line, value, bounds, bands)
}

func powers(mag, x *[granuleLen]float32) { powersGo(mag, x) }

func quantize(q *[granuleLen]uint16, mag *[granuleLen]float32, step, round float32) (int, int) {
	return quantizeGo(q, mag, step, round)
}

func costs(sums *[40]laneCosts, most *[40]uint16, q *[granuleLen]uint16, bounds *[40]uint16, bands int) {
	costsGo(sums, most, q, bounds, bands)
}

func split(sums *[40]laneCosts, most *[40]uint16, bands int) (int, int, int) {
	return splitGo(sums, most, bands)
}

func summarise(mean, peak *[40]float32, mag *[granuleLen]float32, bounds *[40]uint16, bands int) {
	summariseGo(mean, peak, mag, bounds, bands)
}

func scale(mag *[granuleLen]float32, factor *[40]float32, bounds *[40]uint16, bands int) {
	scaleGo(mag, factor, bounds, bands)
}

func thirds(e *[slots / 3]float32, x *subbands) { thirdsGo(e, x) }

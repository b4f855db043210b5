package mp3

func polyphase(out *subbands, x *[history + granuleLen]float32) { polyphaseGo(out, x) }
func mdctLong(out *[granuleLen]float32, prev, cur *subbands, win *[36]float32) {
	mdctLongGo(out, prev, cur, win)
}
func mdctShort(out *[granuleLen]float32, prev, cur *subbands, from int) {
	mdctShortGo(out, prev, cur, from)
}
func spread(e *[maxBands * lanes]float32, p *psyTables)   { spreadGo(e, p) }
func entropy(x, gain *[granuleLen]float32) (float32, int) { return entropyGo(x, gain) }
func powers(mag, x *[granuleLen]float32)                  { powersGo(mag, x) }
func quantize(q *[granuleLen]uint16, mag *[granuleLen]float32, step, round float32) {
	quantizeGo(q, mag, step, round)
}
func costs(sum *laneCosts, x []uint16) { costsGo(sum, x) }

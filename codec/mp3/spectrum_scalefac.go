package mp3

// scalefactors that a group of bands shares between granules (11172-3 2.4.2.7
// scfsi_band).
var scfsiGroups = [5]int{0, 6, 11, 16, 21}

// readScalefactors reads part 2 (2.4.1.7 and 2.4.3.4.5).
func (l *lines) readScalefactors(r *codeReader, h *Header, p *part, side *side, gr, ch int) {
	if h.Version != MPEG1 {
		l.readScalefactorsLSF(r, p, h.Extension&1 == 1 && h.Mode == 1 && ch == 1)
		return
	}
	slen := slenTable[p.compress]
	for i := range l.limit {
		l.limit[i] = 255
	}
	if p.block == shortBlock {
		low := 18
		if p.mixed {
			low = 8 + 9
		}
		at := l.take(r, 0, low, slen[0])
		at = l.take(r, at, 18, slen[1])
		clear(l.sf[at:])
		return
	}
	for i, from := range scfsiGroups[:4] {
		if gr == 1 && side.scfsi[ch][i] {
			continue
		}
		l.take(r, from, scfsiGroups[i+1]-from, slen[i/2])
	}
	clear(l.sf[21:])
}

// take reads n scalefactors of so many bits each from band at on.
func (l *lines) take(r *codeReader, at, n int, bits uint8) (next int) {
	for range n {
		l.sf[at] = uint8(r.get(int(bits)))
		at++
	}
	return at
}

// partitionsRead is how many scalefactors each length holds at the lower
// sampling frequencies (13818-3 2.4.3.2): by way of coding, of which the last
// three are those of the right channel of intensity stereo, then long, short and
// mixed blocks.
var partitionsRead = [6][3][4]uint8{
	{{6, 5, 5, 5}, {9, 9, 9, 9}, {6, 9, 9, 9}},
	{{6, 5, 7, 3}, {9, 9, 12, 6}, {6, 9, 12, 6}},
	{{11, 10, 0, 0}, {18, 18, 0, 0}, {15, 18, 0, 0}},
	{{7, 7, 7, 0}, {12, 12, 12, 0}, {6, 15, 12, 0}},
	{{6, 6, 6, 3}, {12, 9, 9, 6}, {6, 12, 9, 6}},
	{{8, 8, 5, 0}, {15, 12, 9, 0}, {6, 18, 9, 0}},
}

// readScalefactorsLSF reads part 2 at the lower sampling frequencies.
func (l *lines) readScalefactorsLSF(r *codeReader, p *part, intensity bool) {
	way, slen := waysLSF(p.compress, intensity)
	p.preflag = way == 2
	kind := 0
	if p.block == shortBlock {
		kind = 1
		if p.mixed {
			kind = 2
		}
	}
	at := 0
	for i, n := range partitionsRead[way][kind] {
		limit := uint8(1<<slen[i] - 1)
		for k := at; k < at+int(n); k++ {
			l.limit[k] = limit
		}
		at = l.take(r, at, int(n), slen[i])
	}
	clear(l.sf[at:])
	for k := at; k < len(l.limit); k++ {
		l.limit[k] = 255
	}
}

// waysLSF takes scalefac_compress apart (13818-3 2.4.3.2).
func waysLSF(compress int, intensity bool) (way int, slen [4]uint8) {
	var a, b, c, d int
	if intensity {
		switch v := compress >> 1; {
		case v < 180:
			way, a, b, c = 3, v/36, v%36/6, v%6
		case v < 244:
			way, a, b, c = 4, (v-180)>>4, (v-180)&15>>2, (v-180)&3
		default:
			way, a, b = 5, (v-244)/3, (v-244)%3
		}
	} else {
		switch v := compress; {
		case v < 400:
			a, b, c, d = v>>4/5, v>>4%5, v&15>>2, v&3
		case v < 500:
			way, a, b, c = 1, (v-400)>>2/5, (v-400)>>2%5, (v-400)&3
		default:
			way, a, b = 2, (v-500)/3, (v-500)%3
		}
	}
	return way, [4]uint8{uint8(a), uint8(b), uint8(c), uint8(d)}
}

package mp3

// side is the side information of a frame (11172-3 and 13818-3, 2.4.1.7).
type side struct {
	mainDataBegin int
	scfsi         [2][4]bool // of each channel and group of bands
	part          [2][2]part // granule, channel
	legal         bool
}

// part is what side information says of one granule of one channel.
type part struct {
	length    int // part2_3_length
	bigValues int // lines
	gain      int // global_gain
	compress  int // scalefac_compress
	block     blockType
	mixed     bool
	table     [3]uint8
	count     [2]int // region0_count and region1_count; -1 if a window switches
	subblock  [3]int // subblock_gain
	preflag   bool
	scale     int // scalefac_scale
	count1B   bool
}

// read reads side information. What Walk calls a fault is not legal here.
func (s *side) read(h *Header, b []byte) {
	r := bitReader{b: b}
	*s = side{legal: true}
	if h.Version == MPEG1 {
		s.mainDataBegin = r.get(9)
		if h.Channels == 1 {
			r.get(5) // private_bits
		} else {
			r.get(3)
		}
		for ch := range h.Channels {
			for i := range s.scfsi[ch] {
				s.scfsi[ch][i] = r.get(1) == 1
			}
		}
	} else {
		s.mainDataBegin = r.get(8)
		r.get(h.Channels)
	}
	for gr := range h.Version.granules() {
		for ch := range h.Channels {
			s.legal = s.part[gr][ch].read(&r, h) && s.legal
		}
	}
}

func (p *part) read(r *bitReader, h *Header) (legal bool) {
	legal = true
	p.length = r.get(12)
	p.bigValues = 2 * r.get(9)
	p.gain = r.get(8)
	p.compress = r.get(4 + 5*h.Version.lsf())
	tables := 3
	if r.get(1) == 1 { // window_switching_flag
		tables = 2
		p.block = blockType(r.get(2))
		p.mixed = r.get(1) == 1 && p.block == shortBlock
		legal = p.block != longBlock
	}
	for i := range tables {
		p.table[i] = uint8(r.get(5))
		legal = legal && p.table[i] != 4 && p.table[i] != 14 // Table B.7 leaves them out
	}
	if tables == 3 {
		p.count = [2]int{r.get(4), r.get(3)}
	} else {
		p.count = [2]int{-1, -1}
		for i := range p.subblock {
			p.subblock[i] = r.get(3)
		}
	}
	if h.Version == MPEG1 {
		p.preflag = r.get(1) == 1
	}
	p.scale = r.get(1)
	p.count1B = r.get(1) == 1
	return legal && p.bigValues <= granuleLen
}

// regions are the lines where regions 1 and 2 of big_values start (2.4.2.7
// region0_count). Where windows switch, region 0 is the lowest 8 bands of long or
// 9 of short windows and there is no region 2.
func (p *part) regions(l *lines) (first, second int) {
	switch {
	case p.count[0] >= 0:
		a := min(p.count[0]+1, 22)
		b := min(a+p.count[1]+1, 22)
		return int(l.bounds[a]), int(l.bounds[b])
	case p.block == shortBlock && p.mixed:
		// 36 lines, 72 at 8 kHz: those of the long windows.
		return int(l.bounds[l.long]), granuleLen
	case p.block == shortBlock:
		return int(l.bounds[9]), granuleLen
	}
	return int(l.bounds[8]), granuleLen
}

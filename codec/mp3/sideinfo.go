package mp3

// appendSideInfo writes, into the room that dst has, the side information of a
// frame (11172-3 2.4.1.7, and 13818-3 2.4.1.7 for the lower sampling frequencies).
func appendSideInfo(dst []byte, h *Header, mainDataBegin int, grs *[2][2]granule) []byte {
	at := len(dst)
	w := bitWriter{buf: dst[:cap(dst)], at: at}
	if h.Version == MPEG1 {
		w.put(uint32(mainDataBegin), 9)
		if h.Channels == 1 {
			w.put(0, 5+4) // private_bits, scfsi: none shared
		} else {
			w.put(0, 3+8)
		}
	} else {
		w.put(uint32(mainDataBegin), 8)
		w.put(0, uint(h.Channels))
	}
	for gr := range h.Version.granules() {
		for ch := range h.Channels {
			putGranule(&w, h, &grs[gr][ch])
		}
	}
	return w.align()
}

func putGranule(w *bitWriter, h *Header, g *granule) {
	w.put(uint32(g.bits), 12)
	w.put(uint32(g.bigValues/2), 9)
	w.put(uint32(g.gain), 8)
	if h.Version == MPEG1 {
		w.put(uint32(g.compress), 4)
	} else {
		w.put(uint32(g.compress), 9)
	}
	if g.block == longBlock {
		w.put(0, 1) // window_switching_flag
		for _, t := range g.tables {
			w.put(uint32(t.table), 5)
		}
		w.put(uint32(g.count[0]), 4)
		w.put(uint32(g.count[1]), 3)
	} else {
		w.put(1, 1)
		w.put(uint32(g.block), 2)
		w.put(0, 1) // mixed_block_flag
		w.put(uint32(g.tables[0].table), 5)
		w.put(uint32(g.tables[1].table), 5)
		for _, s := range g.subblock {
			w.put(uint32(s), 3)
		}
	}
	if h.Version == MPEG1 {
		w.put(0, 1) // preflag
	}
	w.put(uint32(g.scale), 1)
	w.put(uint32(g.count1B), 1)
}

package mp3

// frames lays out the bit stream (11172-3 2.4.1.2): frames in a row, each a
// header, side information and a stretch of main data, where the main data of a
// frame may begin in the frames before it (2.4.2.7 main_data_begin). It keeps
// the frames that still have room for main data to come.
type frames struct {
	buf   [3584]byte
	n     int // bytes of frames in buf
	frame int // start of the frame that main data goes to next
	at    int // where in buf it goes
	end   int // end of that frame
}

// free is how many bytes of main data still fit into the frames laid out: the
// bit reservoir.
func (f *frames) free() int {
	n := f.end - f.at
	for next := f.end; next < f.n; {
		h, _ := ParseHeader(f.buf[next:])
		n += h.dataLen()
		next += h.Size()
	}
	return n
}

// add lays out a frame, given its header and side information.
func (f *frames) add(head []byte, size int) {
	if f.at == f.end { // all before it is full
		f.frame, f.at, f.end = f.n, f.n+len(head), f.n+size
	}
	b := f.buf[f.n : f.n+size]
	clear(b[copy(b, head):])
	f.n += size
}

// write fills frames with main data; there must be room. With nil data it leaves
// n bytes as they are, zero: stuffing.
func (f *frames) write(data []byte, n int) {
	for {
		k := min(n, f.end-f.at)
		if data != nil {
			copy(f.buf[f.at:f.at+k], data)
			data = data[k:]
		}
		f.at += k
		n -= k
		if f.at < f.end || f.end == f.n {
			return
		}
		h, _ := ParseHeader(f.buf[f.end:])
		f.frame = f.end
		f.at = f.frame + headerLen + h.sideLen()
		f.end = f.frame + h.Size()
	}
}

// take appends the frames that are full to dst and forgets them.
func (f *frames) take(dst []byte) []byte {
	full := f.frame
	if f.at == f.end {
		full = f.end
	}
	if full == 0 {
		return dst
	}
	dst = append(dst, f.buf[:full]...)
	copy(f.buf[:], f.buf[full:f.n])
	f.n -= full
	f.frame -= full
	f.at -= full
	f.end -= full
	if f.n == 0 {
		f.frame, f.at, f.end = 0, 0, 0
	}
	return dst
}

package mp3

import (
	"encoding/binary"
	"fmt"
)

// The front half of a decoder: from frames to spectral lines (11172-3 2.4.3.4 up
// to and with stereo processing). It is the deep check of a stream, and, because
// the filter bank behind it is orthogonal up to a constant, it knows how loud
// the stream is without it.

// Granule is what one granule of a stream holds.
type Granule struct {
	Frame  int          // of the stream: its number among the audio frames, from 0
	Offset int          // of that frame in the file
	Power  [2]float64   // of each channel: the mean square of its samples, 1 being that of a full-scale square wave
	Whole  bool         // its main data is there and right; if not, Power is 0
	PCM    [2][]float64 // the samples of each channel, 1 being full scale, until the next granule; nil unless decoded
	Unused int          // bits of both channels that part2_3_length counts and no code word needs: stuffing
}

// A line's square counts for half its worth as mean power of the 576 samples of
// the granule, and for a sixth in short blocks. The synthesis of 32 subbands
// gives 32 times the energy of the subband samples (2.4.3.2), and the inverse
// transforms, which the standard leaves without a scale (2.4.3.4.10.2), n/4 times
// that of the lines: 9 where n is 36, 3 where it is 12.
const (
	linePower      = 32 * 9.0 / granuleLen
	shortLinePower = 32 * 3.0 / granuleLen
)

// Measure walks a file as Walk does and decodes every frame as far as its
// spectrum; each, if not nil, sees every granule. The faults are those that Walk
// cannot see, of which it returns the number and the first. Measure takes any
// bytes.
func Measure(b []byte, each func(Granule)) (faults int, first []Fault) {
	s := spectrum{b: b, each: each}
	Walk(b, s.frame)
	return s.faults, s.first
}

// spectrum is the state that decoding to spectral lines needs from frame to
// frame.
type spectrum struct {
	b      []byte
	each   func(Granule)
	frames int
	end    int // of the frame before
	faults int
	first  []Fault

	main     []byte // main data: what earlier frames leave, then that of this one, then beyondMain
	side     side
	channels [2]lines

	synthesis *[2]synthesis // nil if nobody wants samples
}

// lines are one granule of one channel.
type lines struct {
	x      [granuleLen]float64 // requantised, in stream order
	sf     [39]uint8           // scalefactors; those of granule 0 stay for scfsi
	limit  [39]uint8           // of each scalefactor the largest its bits can say; 255 if MPEG-1
	bounds [40]uint16          // of the scalefactor bands, in stream order
	bands  int
	long   int // how many of them are of long windows
	top    int // lines from here on are zero
}

// beyondMain is how far a reader may look behind main data.
const beyondMain = 8

// frame decodes one frame that Walk has found.
func (s *spectrum) frame(f Frame) {
	if f.Offset != s.end { // what lay between broke the reservoir off
		s.main = s.main[:0]
	}
	s.end = f.Offset + f.Size()
	number := s.frames
	s.frames++
	head := f.Offset + headerLen
	if f.Protected {
		head += 2
		s.checksum(&f)
	}
	s.side.read(&f.Header, s.b[head:head+f.sideLen()])
	held := len(s.main)
	s.main = append(s.main, s.b[head+f.sideLen():s.end]...)
	room := len(s.main)
	s.main = append(s.main, make([]byte, beyondMain)...)

	at, whole := 8*(held-s.side.mainDataBegin), true
	if at < 0 || !s.side.legal { // Walk tells of it
		whole = false
	}
	for gr := range f.Version.granules() {
		g := Granule{Frame: number, Offset: f.Offset}
		for ch := range f.Channels {
			if !whole {
				break
			}
			p := &s.side.part[gr][ch]
			unused, what := 0, ""
			if at+p.length > 8*room {
				what = "it runs out of the frame"
			} else {
				unused, what = s.channels[ch].decode(&f.Header, p, &s.side, gr, ch, s.main, at)
			}
			if what != "" {
				s.fault(f.Offset, fmt.Sprintf("frame %d, granule %d, channel %d cannot be decoded: %s", number, gr, ch, what))
				whole = false
			}
			g.Unused += unused
			at += p.length
		}
		if whole {
			s.stereo(&f.Header, gr)
			for ch := range f.Channels {
				g.Power[ch] = s.channels[ch].power()
			}
		}
		g.Whole = whole
		s.listen(&g, &f.Header, gr)
		if s.each != nil {
			s.each(g)
		}
	}
	// The next frame can reach back so far, past the headers between (2.4.2.7
	// main_data_begin).
	s.main = s.main[:room]
	if keep := f.maxReservoir(); room > keep {
		s.main = s.main[:copy(s.main, s.main[room-keep:])]
	}
}

// checksum checks that of a protected frame, which is over the second half of the
// header and the side information (2.4.3.1: x^16+x^15+x^2+1, all ones at first).
func (s *spectrum) checksum(f *Frame) {
	b := s.b[f.Offset : f.Offset+headerLen+2+f.sideLen()]
	crc := uint16(0xffff)
	for i, v := range b[2:] {
		if i == 2 || i == 3 { // itself
			continue
		}
		crc ^= uint16(v) << 8
		for range 8 {
			if crc>>15 != 0 {
				crc = crc<<1 ^ 0x8005
			} else {
				crc <<= 1
			}
		}
	}
	if want := binary.BigEndian.Uint16(b[headerLen:]); crc != want {
		s.fault(f.Offset, fmt.Sprintf("frame %d: the checksum of header and side information is %#04x, the frame says %#04x", s.frames-1, crc, want))
	}
}

// listen goes on to samples.
func (s *spectrum) listen(g *Granule, h *Header, gr int) {
	if s.synthesis == nil {
		return
	}
	for ch := range h.Channels {
		l := &s.channels[ch]
		if !g.Whole {
			s.side.part[gr][ch] = part{}
			l.lay(h, &part{})
			clear(l.x[:])
			l.top = 0
		}
		g.PCM[ch] = s.synthesis[ch].samples(l, &s.side.part[gr][ch])
	}
}

func (s *spectrum) fault(at int, what string) {
	if s.faults++; s.faults <= mostFaults {
		s.first = append(s.first, Fault{at, what})
	}
}

// decode reads part 2 and part 3 of a granule (2.4.1.7), which begin at bit at
// of main and must end at their length, and requantises the lines.
func (l *lines) decode(h *Header, p *part, side *side, gr, ch int, main []byte, at int) (unused int, fault string) {
	r := codeReader{b: main, at: at, end: at + p.length}
	l.lay(h, p)
	l.readScalefactors(&r, h, p, side, gr, ch)
	if r.at > r.end {
		return 0, "its scalefactors are longer than part2_3_length"
	}
	var q [granuleLen + 4]int16
	n, fault := r.spectrum(&q, p, l)
	if fault != "" {
		return 0, fault
	}
	l.requantise(&q, n, p)
	return r.end - r.at, ""
}

// lay sets the scalefactor bands of the block type, windows one after the other
// within a short band (2.4.2.7 block_type, mixed_block_flag; the order is that
// of 2.4.1.7).
func (l *lines) lay(h *Header, p *part) {
	long, short := &sfbLongOf[h.Version][h.rateIndex], &sfbShortOf[h.Version][h.rateIndex]
	if p.block != shortBlock {
		l.long, l.bands = 22, 22
		copy(l.bounds[:], long[:])
		return
	}
	l.long = 0
	from := 0
	if p.mixed { // the lowest two subbands are of long windows
		l.long, from = 8-2*h.Version.lsf(), 3
		copy(l.bounds[:], long[:l.long])
	}
	l.bands = l.long
	at := 3 * short[from]
	for k := from; k < 13; k++ {
		for range 3 {
			l.bounds[l.bands] = at
			l.bands++
			at += short[k+1] - short[k]
		}
	}
	l.bounds[l.bands] = at
}

// power is the mean square of the samples that the lines stand for. Lines of
// neighbouring granules share samples, so it is that of the granule within its
// windows; over a stretch of them it is exact.
func (l *lines) power() float64 {
	var long, short float64
	cut := 0
	if l.long > 0 {
		cut = int(l.bounds[l.long])
	}
	for _, x := range l.x[:cut] {
		long += x * x
	}
	for _, x := range l.x[cut:] {
		short += x * x
	}
	return linePower*long + shortLinePower*short
}

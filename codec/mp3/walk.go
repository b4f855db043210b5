package mp3

import (
	"encoding/binary"
	"fmt"
)

// Stream is what Walk found in a file.
type Stream struct {
	Header  Header // of the first audio frame
	Tag     int    // bytes of ID3v2 tag before the first frame
	Audio   int    // offset of the first audio frame
	End     int    // offset behind the last whole frame
	Frames  int    // audio frames; the Info frame is none
	BitRate int    // mean kbit/s of the audio frames
	VBR     bool   // their bit rates differ
	Open    bool   // the Info tag is as at the start of a recording: nobody finished it

	Info    bool  // there is an Info or Xing tag with delay and padding
	Delay   int   // samples the tag says the encoder put in front
	Padding int   // and behind
	Samples int64 // of each channel that a gapless player gives

	Faults int     // how many
	Fault  []Fault // the first of them
}

// Fault is damage at an offset of the file.
type Fault struct {
	Offset int
	What   string
}

func (f Fault) String() string { return fmt.Sprintf("at byte %d: %s", f.Offset, f.What) }

// Frame is one audio frame of a stream.
type Frame struct {
	Header
	Offset        int
	MainDataBegin int // bytes back into earlier frames
	Bits          int // sum of part2_3_length
	Short         int // granules of a channel with short blocks
}

const mostFaults = 16

// Walk reads a whole file, frame by frame, and checks what can be checked without
// decoding: that frames follow one another, that their sizes keep to the bit
// rate, that side information is legal, and that main data lies within the frames
// that hold it. each, if not nil, sees every audio frame. Walk takes any bytes.
func Walk(b []byte, each func(Frame)) Stream {
	w := walker{b: b, drift: -1}
	w.s.Tag = id3Len(b)
	w.at = w.s.Tag
	if h, ok := w.frame(); ok && w.info(&h) {
		w.at += h.Size()
	}
	w.s.Audio, w.s.End = w.at, w.at
	for w.at < len(b) {
		h, ok := w.frame()
		if !ok {
			w.resync()
			continue
		}
		f := Frame{Header: h, Offset: w.at}
		w.check(&f)
		if each != nil {
			each(f)
		}
		w.at += h.Size()
		w.s.End = w.at
	}
	w.finish()
	return w.s
}

type walker struct {
	b  []byte
	at int
	s  Stream

	xing  bool                           // the tag is that of variable bit rate
	drift int                            // where padding first fails to keep to a constant bit rate, or -1
	held  int                            // bytes of main data that earlier frames leave for later ones
	bytes int64                          // of audio frames
	exact int64                          // what they should come to, times the rate
	told  struct{ frames, bytes uint32 } // by the Info tag
}

func (w *walker) fault(format string, args ...any) {
	if w.s.Faults++; w.s.Faults <= mostFaults {
		w.s.Fault = append(w.s.Fault, Fault{w.at, fmt.Sprintf(format, args...)})
	}
}

// frame parses the header at hand, of a frame that is there as a whole.
func (w *walker) frame() (Header, bool) {
	h, ok := ParseHeader(w.b[min(w.at, len(w.b)):])
	if !ok || h.dataLen() < 0 || h.Size() > len(w.b)-w.at {
		return h, false
	}
	return h, true
}

// resync skips what is no frame.
func (w *walker) resync() {
	rest := w.b[w.at:]
	if _, ok := ParseHeader(rest); ok {
		w.fault("the file ends within a frame")
		w.at = len(w.b)
		return
	}
	if len(rest) >= 128 && string(rest[:3]) == "TAG" {
		w.at += 128 // ID3v1
		return
	}
	from := w.at
	for w.at++; w.at < len(w.b); w.at++ {
		h, ok := w.frame()
		if !ok || w.s.Frames > 0 && !same(&h, &w.s.Header) {
			continue
		}
		if next := w.b[w.at+h.Size():]; len(next) == 0 {
			break
		} else if _, ok := ParseHeader(next); ok {
			break
		}
	}
	found := w.at
	w.at = from
	w.fault("%d bytes are no frame", found-from)
	w.at = found
	w.held = 0
}

// same says whether two frames can be of one stream.
func same(a, b *Header) bool {
	return a.Version == b.Version && a.Rate == b.Rate && a.Channels == b.Channels
}

// check looks into an audio frame.
func (w *walker) check(f *Frame) {
	if w.s.Frames == 0 {
		w.s.Header = f.Header
	} else if !same(&f.Header, &w.s.Header) {
		w.fault("the frame is %v %d Hz %d channels, the stream %v %d Hz %d channels",
			f.Version, f.Rate, f.Channels, w.s.Header.Version, w.s.Header.Rate, w.s.Header.Channels)
	}
	w.s.VBR = w.s.VBR || f.BitRate != w.s.Header.BitRate
	w.s.Frames++
	w.bytes += int64(f.Size())
	w.exact += int64(f.Samples() / 8 * 1000 * f.BitRate)
	if d := w.bytes*int64(f.Rate) - w.exact; w.drift < 0 && (d <= -int64(f.Rate) || d >= int64(f.Rate)) {
		w.drift = w.at
	}
	head := headerLen
	if f.Protected {
		head += 2
	}
	what := f.parseSide(w.b[w.at+head : w.at+head+f.sideLen()])
	if what != "" {
		w.fault("%s", what)
	}
	if f.MainDataBegin > w.held {
		if w.s.Frames > 1 {
			w.fault("main data begins %d bytes back, where %d are free", f.MainDataBegin, w.held)
		}
	}
	have := f.MainDataBegin + f.dataLen()
	if f.Bits > 8*have {
		w.fault("%d bits of main data in room for %d", f.Bits, 8*have)
	}
	w.held = min(max(0, have-(f.Bits+7)/8), f.maxReservoir())
}

// parseSide reads side information (2.4.1.7) and says what is illegal in it.
func (f *Frame) parseSide(b []byte) (fault string) {
	r := bitReader{b: b}
	if f.Version == MPEG1 {
		f.MainDataBegin = r.get(9)
		if f.Channels == 1 {
			r.get(5 + 4)
		} else {
			r.get(3 + 8)
		}
	} else {
		f.MainDataBegin = r.get(8)
		r.get(f.Channels)
	}
	for range f.Version.granules() * f.Channels {
		f.Bits += r.get(12)
		if n := r.get(9); n > granuleLen/2 {
			fault = fmt.Sprintf("big_values of %d", n)
		}
		r.get(8 + 4 + 5*f.Version.lsf())
		tables := 3
		if r.get(1) == 1 {
			tables = 2
			block := blockType(r.get(2))
			r.get(1)
			if block == longBlock {
				fault = "window switching to block type 0"
			}
			if block == shortBlock {
				f.Short++
			}
		}
		for range tables {
			if t := r.get(5); t == 4 || t == 14 {
				fault = fmt.Sprintf("code table %d", t)
			}
		}
		if tables == 3 {
			if a, b := r.get(4), r.get(3); a+b+2 > 22 {
				fault = fmt.Sprintf("regions of %d and %d bands", a+1, b+1)
			}
		} else {
			r.get(9)
		}
		r.get(3 - f.Version.lsf())
	}
	return fault
}

// infoTag reports whether b begins with the name of the tag, and returns b.
func infoTag(b []byte) ([]byte, bool) {
	return b, len(b) >= 8 && (string(b[:4]) == "Info" || string(b[:4]) == "Xing")
}

// info reads an Info or Xing tag with the extension that tells delay and padding.
func (w *walker) info(h *Header) bool {
	b, ok := infoTag(w.b[w.at+headerLen+h.sideLen() : w.at+h.Size()])
	if !ok && h.Protected { // behind the CRC; some encoders leave it out in this frame
		b, ok = infoTag(b[min(2, len(b)):])
	}
	if !ok {
		return false
	}
	w.xing = b[0] == 'X'
	flags := binary.BigEndian.Uint32(b[4:])
	b = b[8:]
	for i, n := range [4]int{4, 4, 100, 4} {
		if flags>>i&1 == 0 {
			continue
		}
		if len(b) < n {
			return true
		}
		switch i {
		case 0:
			w.told.frames = binary.BigEndian.Uint32(b)
		case 1:
			w.told.bytes = binary.BigEndian.Uint32(b)
		}
		b = b[n:]
	}
	if len(b) >= 24 && b[0] != 0 {
		w.s.Info = true
		w.s.Delay = int(b[21])<<4 | int(b[22])>>4
		w.s.Padding = int(b[22])&15<<8 | int(b[23])
	}
	return true
}

// finish sums up.
func (w *walker) finish() {
	s := &w.s
	if s.Frames == 0 {
		w.at = s.Audio
		w.fault("no audio frames")
		return
	}
	total := int64(s.Frames) * int64(s.Header.Samples())
	s.Samples = total
	s.BitRate = int((8*int64(s.End-s.Audio)*int64(s.Header.Rate)/total + 500) / 1000)
	if s.Info {
		s.Samples = max(0, total-int64(s.Delay)-int64(s.Padding))
	}
	if w.drift >= 0 && !s.VBR && !w.xing {
		w.at = w.drift
		w.fault("padding does not keep to %d kbit/s", s.Header.BitRate)
	}
	s.Open = s.Audio > s.Tag && w.told.frames == 0
	w.at = s.Tag
	if n := w.told.frames; n != 0 && int64(n) != int64(s.Frames) {
		w.fault("the tag tells of %d frames, there are %d", n, s.Frames)
	}
	if n := w.told.bytes; n != 0 && !s.Open && int(n) != s.End-s.Tag {
		w.fault("the tag tells of %d bytes, there are %d", n, s.End-s.Tag)
	}
}

// id3Len is the length of the ID3v2 tag at the start of b, 0 if there is none.
func id3Len(b []byte) int {
	if len(b) < id3Header || string(b[:3]) != "ID3" || (b[6]|b[7]|b[8]|b[9])&0x80 != 0 {
		return 0
	}
	n := id3Header + int(b[6])<<21 + int(b[7])<<14 + int(b[8])<<7 + int(b[9])
	if b[5]&0x10 != 0 {
		n += id3Header // a footer
	}
	return min(n, len(b))
}

// bitReader reads bits, most significant first; behind the end all are 0.
type bitReader struct {
	b  []byte
	at int
}

func (r *bitReader) get(n int) (v int) {
	for range n {
		v <<= 1
		if i := r.at / 8; i < len(r.b) {
			v |= int(r.b[i]>>(7-r.at%8)) & 1
		}
		r.at++
	}
	return v
}

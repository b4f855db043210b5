package mp3

// Header is what the first four bytes of a frame say (11172-3 2.4.1.3).
type Header struct {
	Version   Version
	Rate      int // samples a second
	BitRate   int // kbit/s
	Channels  int
	Padding   bool
	Protected bool // a CRC follows
	Mode      int  // 0 stereo, 1 joint, 2 dual, 3 mono
	Extension int  // of joint stereo: 2 is middle/side on, 1 intensity

	index, rateIndex int
}

const headerLen = 4

// sideLen is the length of the side information (2.4.1.7).
func (h *Header) sideLen() int {
	switch {
	case h.Version == MPEG1 && h.Channels == 2:
		return 32
	case h.Version == MPEG1 || h.Channels == 2:
		return 17
	}
	return 9
}

// Samples is the number of samples of a channel in the frame.
func (h *Header) Samples() int { return granuleLen * h.Version.granules() }

// Size is the length of the frame in bytes (2.4.3.1: 144·bitrate/rate, half of
// that below MPEG-1, rounded down, and the padding byte).
func (h *Header) Size() int {
	n := h.Samples() / 8 * 1000 * h.BitRate / h.Rate
	if h.Padding {
		n++
	}
	return n
}

// dataLen is what the frame has room for beside header and side information.
func (h *Header) dataLen() int {
	n := h.Size() - headerLen - h.sideLen()
	if h.Protected {
		n -= 2
	}
	return n
}

// maxReservoir is how many bytes back main_data_begin can point.
func (h *Header) maxReservoir() int {
	if h.Version == MPEG1 {
		return 511
	}
	return 255
}

// setBitRate changes the bit rate.
func (h *Header) setBitRate(kbps int) {
	h.BitRate = kbps
	for i, b := range bitRates[h.Version.lsf()] {
		if b == kbps {
			h.index = i
		}
	}
}

// append writes the header.
func (h *Header) append(dst []byte) []byte {
	b1 := byte(0xe0) | byte(h.Version)<<3 | 1<<1 | 1
	b2 := byte(h.index)<<4 | byte(h.rateIndex)<<2
	if h.Padding {
		b2 |= 2
	}
	return append(dst, 0xff, b1, b2, byte(h.Mode)<<6|byte(h.Extension)<<4|0x04)
}

// ParseHeader reads a Layer III frame header. It refuses free format, reserved
// values and other layers.
func ParseHeader(b []byte) (Header, bool) {
	var h Header
	if len(b) < 4 || b[0] != 0xff || b[1]&0xe0 != 0xe0 {
		return h, false
	}
	h.Version = Version(b[1] >> 3 & 3)
	h.Protected = b[1]&1 == 0
	h.index, h.rateIndex = int(b[2]>>4), int(b[2]>>2&3)
	if h.Version == 1 || b[1]>>1&3 != 1 || h.index == 0 || h.index == 15 || h.rateIndex == 3 || b[3]&3 == 2 {
		return h, false
	}
	h.Rate = sampleRates[h.Version][h.rateIndex]
	h.BitRate = bitRates[h.Version.lsf()][h.index]
	h.Padding = b[2]&2 != 0
	h.Mode, h.Extension = int(b[3]>>6), int(b[3]>>4&3)
	h.Channels = 2
	if h.Mode == 3 {
		h.Channels = 1
	}
	return h, true
}

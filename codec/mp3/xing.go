package mp3

import (
	"encoding/binary"

	"callrec/codec"
)

// decodeDelay is how many samples a decoder's output lags the encoder's input:
// 481 in the two filter banks and a granule in the overlap of the transform.
const decodeDelay = 481 + granuleLen

// tagDelay is the part of it that the Info tag states: players add 529 samples
// for the decoder themselves.
const tagDelay = decodeDelay - 529

// index is what the Info tag tells about the frames handed over.
type index struct {
	granules int64 // coded
	frames   int64 // handed over
	bytes    int64
	every    int64 // frames between seek points
	points   int
	seek     [200]uint32 // where frame i·every starts
}

// emitted counts whole frames.
func (x *index) emitted(b []byte) {
	if x.every == 0 {
		x.every = 1
	}
	for len(b) > 0 {
		h, ok := ParseHeader(b)
		if !ok {
			return
		}
		if x.frames%x.every == 0 {
			if x.points == len(x.seek) {
				x.every *= 2
				x.points /= 2
				for i := range x.points {
					x.seek[i] = x.seek[2*i]
				}
			}
			if x.frames%x.every == 0 {
				x.seek[x.points] = uint32(x.bytes)
				x.points++
			}
		}
		x.frames++
		x.bytes += int64(h.Size())
		b = b[h.Size():]
	}
}

// Header implements codec.Encoder: an ID3v2 tag if there is room for one, then
// a frame of silence that carries the Info tag.
func (e *Encoder) Header(dst []byte, t codec.Tags) []byte {
	dst = appendID3(dst, e.cfg.TagRoom, t)
	samples := e.samples
	if !e.ended {
		samples = max(0, min(samples, e.index.frames*int64(e.head.Samples())-decodeDelay))
	}
	return appendInfo(dst, &e.head, e.cfg.BitRate == 0, &e.index, samples)
}

const (
	infoLen = 4 + 4 + 4 + 4 + 100 + 4 // Xing: name, flags, frames, bytes, seek table, quality
	lameLen = 36                      // the extension that states delay and padding
)

// appendInfo writes the Info frame ("Xing" when the bit rate varies). The layout
// is that of Xing's VBR header with the extension of the LAME tag, which is what
// players take the encoder's delay from; they look for it only after a name that
// starts with "LAME".
func appendInfo(dst []byte, like *Header, vbr bool, x *index, samples int64) []byte {
	h := *like
	h.Padding, h.Protected, h.Extension = false, false, 0
	for _, b := range bitRates[h.Version.lsf()][1:] {
		h.setBitRate(b)
		if h.dataLen() >= infoLen+lameLen {
			break
		}
	}
	start := len(dst)
	dst = h.append(dst)
	for range h.Size() - headerLen {
		dst = append(dst, 0)
	}
	frame := dst[start:]
	b := frame[headerLen+h.sideLen():]
	name := "Info"
	if vbr {
		name = "Xing"
	}
	copy(b, name)
	binary.BigEndian.PutUint32(b[4:], 0xf)
	binary.BigEndian.PutUint32(b[8:], uint32(x.frames))
	total := x.bytes + int64(len(frame))
	binary.BigEndian.PutUint32(b[12:], uint32(total))
	x.table(b[16:116], int64(len(frame)), total)
	binary.BigEndian.PutUint32(b[116:], 50)

	b = b[infoLen:]
	copy(b, "LAMEcrec1")
	b[9] = 1 // revision 0, constant bit rate
	if vbr {
		b[9] = 4
	}
	b[10] = byte(min(h.Rate/200, 255)) // lowpass in units of 100 Hz
	if !vbr {
		b[20] = byte(min(like.BitRate, 255))
	}
	padding := max(0, min(x.frames*int64(h.Samples())-tagDelay-samples, 4095))
	b[21] = byte(tagDelay >> 4)
	b[22] = byte(tagDelay&15<<4 | padding>>8)
	b[23] = byte(padding)
	b[24] = 3 << 6 // source over 48 kHz or unknown... stereo mode mono
	binary.BigEndian.PutUint32(b[28:], uint32(total))
	binary.BigEndian.PutUint16(b[34:], crc16(frame[:len(frame)-len(b)+34]))
	return dst
}

// table fills the seek table: byte i is where i percent of the time starts, in
// 256ths of the bytes.
func (x *index) table(toc []byte, first, total int64) {
	for i := range toc {
		frame := x.frames * int64(i) / 100
		at := int64(0)
		if x.points > 0 {
			at = int64(x.seek[min(frame/x.every, int64(x.points-1))])
		}
		toc[i] = byte(min((at+first)*256/total, 255))
	}
}

// crc16 is the CRC of the LAME tag: polynomial x^16+x^15+x^2+1, low bit first.
func crc16(b []byte) (crc uint16) {
	for _, v := range b {
		crc ^= uint16(v)
		for range 8 {
			if crc&1 != 0 {
				crc = crc>>1 ^ 0xa001
			} else {
				crc >>= 1
			}
		}
	}
	return crc
}

// Package wav owns RIFF WAVE files of 16-bit PCM: a streaming encoder whose
// header can be had at every moment, and the repair of a file that was torn.
// The recording pipeline writes through it.
package wav

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"callrec/codec"
)

// HeaderLen is the length of what comes before the samples, in bytes.
const HeaderLen = 44

// Encoder writes one file. Make one with New.
type Encoder struct {
	rate, channels int
	data           int64 // bytes of samples so far
	trailer        int   // bytes after the samples, once finished
}

var _ codec.Encoder = (*Encoder)(nil)

// New returns an encoder of 16-bit PCM at rate Hz with 1 or 2 channels.
func New(rate, channels int) (*Encoder, error) {
	if rate < 1 || rate > 192000 || channels < 1 || channels > 2 {
		return nil, fmt.Errorf("cannot write WAV with %d Hz and %d channels: want 1..192000 Hz and 1 or 2 channels", rate, channels)
	}
	return &Encoder{rate: rate, channels: channels}, nil
}

// Continue returns an encoder for the rest of a file that holds so many frames
// already: its header counts them too.
func Continue(rate, channels int, frames int64) (*Encoder, error) {
	e, err := New(rate, channels)
	if err == nil {
		e.data = frames * int64(2*channels)
	}
	return e, err
}

// Append appends pcm in little-endian order. Nothing is ever held back.
func (e *Encoder) Append(dst []byte, pcm []int16) []byte {
	at := len(dst)
	dst = slices.Grow(dst, 2*len(pcm))[:at+2*len(pcm)]
	e.data += int64(2 * len(pcm))
	out := dst[at:]
	for len(pcm) >= 4 && len(out) >= 8 { // one store for four; the second condition spares the checks
		binary.LittleEndian.PutUint64(out, uint64(uint16(pcm[0]))|uint64(uint16(pcm[1]))<<16|
			uint64(uint16(pcm[2]))<<32|uint64(uint16(pcm[3]))<<48)
		pcm, out = pcm[4:], out[8:]
	}
	for i, s := range pcm {
		binary.LittleEndian.PutUint16(out[2*i:], uint16(s))
	}
	return dst
}

// Finish appends a LIST INFO chunk with the tags (RIFF MCI, "INFO List Chunk").
func (e *Encoder) Finish(dst []byte, t codec.Tags) []byte {
	at := len(dst)
	dst = appendInfo(dst, t)
	e.trailer = len(dst) - at
	return dst
}

// Header appends the RIFF, fmt and data chunk heads for what has been written so
// far. Sizes beyond 32 bits read as the largest there is, as players expect.
func (e *Encoder) Header(dst []byte, _ codec.Tags) []byte {
	return appendHeader(dst, e.rate, e.channels, e.data, e.trailer)
}

func appendHeader(dst []byte, rate, channels int, data int64, trailer int) []byte {
	le := binary.LittleEndian
	dst = append(dst, "RIFF"...)
	dst = le.AppendUint32(dst, size32(HeaderLen-8+data+int64(trailer)))
	dst = append(dst, "WAVEfmt "...)
	dst = le.AppendUint32(dst, 16)
	dst = le.AppendUint16(dst, 1) // PCM
	dst = le.AppendUint16(dst, uint16(channels))
	dst = le.AppendUint32(dst, uint32(rate))
	dst = le.AppendUint32(dst, uint32(rate*channels*2))
	dst = le.AppendUint16(dst, uint16(channels*2))
	dst = le.AppendUint16(dst, 16)
	dst = append(dst, "data"...)
	return le.AppendUint32(dst, size32(data))
}

// appendInfo writes the tags that are set; nothing when none is.
func appendInfo(dst []byte, t codec.Tags) []byte {
	start := len(dst)
	dst = append(dst, "LIST\x00\x00\x00\x00INFO"...)
	for _, f := range [...]struct{ id, text string }{
		{"INAM", t.Title},
		{"ICRD", t.Date},
		{"ISRC", t.CallID},
		{"IART", t.From},
		{"ISBJ", t.To},
		{"ICMT", t.Comment},
	} {
		if f.text == "" {
			continue
		}
		n := len(f.text) + 1 // strings end with a zero byte
		dst = append(dst, f.id...)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
		dst = append(dst, f.text...)
		dst = append(dst, 0)
		if n%2 == 1 { // chunks lie on even offsets
			dst = append(dst, 0)
		}
	}
	if len(dst) == start+12 {
		return dst[:start]
	}
	binary.LittleEndian.PutUint32(dst[start+4:], uint32(len(dst)-start-8))
	return dst
}

// TrailerMax bounds what Repair has to see of a file's end.
const TrailerMax = 64 << 10

// Repair tells how to make a file of size bytes whole that was cut off while it
// was being written: the header it should begin with, and the length it should
// be cut to, which ends on a whole frame. A file that is shorter than its header
// becomes an empty recording. tail is the end of the file, up to TrailerMax bytes:
// if the tags had been begun, they are cut off and not taken for samples.
func Repair(rate, channels int, size int64, tail []byte) (header []byte, length int64) {
	data := max(size-HeaderLen-int64(begunTrailer(tail)), 0)
	data -= data % int64(2*channels)
	return appendHeader(nil, rate, channels, data, 0), HeaderLen + data
}

// begunTrailer is how many bytes at the end of tail are a LIST INFO chunk, whole
// or cut off. The sixteen bytes that are compared do not occur in sound.
func begunTrailer(tail []byte) int {
	for at := len(tail) - 16; at >= 0; at-- {
		b := tail[at:]
		if string(b[:4]) == "LIST" && string(b[8:12]) == "INFO" && b[12] == 'I' && int64(binary.LittleEndian.Uint32(b[4:])) >= int64(len(b))-8 {
			return len(b)
		}
	}
	return 0
}

func size32(n int64) uint32 { return uint32(min(n, math.MaxUint32)) }

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/go-audio/audio"
	"github.com/go-audio/wav"

	"callrec/codec/g711"
)

// Codes of WAVE encodings (RFC 2361 and mmreg.h).
const (
	wavePCM    = 1
	waveALaw   = 6
	waveMuLaw  = 7
	extensible = 0xfffe
)

var waveNames = map[int]string{
	2: "Microsoft ADPCM", 3: "IEEE float", waveALaw: "G.711 A-law", waveMuLaw: "G.711 µ-law", 0x11: "IMA ADPCM",
	0x31: "GSM 6.10", 0x40: "G.721 ADPCM", 0x42: "G.723.1", 0x50: "MPEG Layer I or II", 0x55: "MPEG Layer III", 0x64: "G.726 ADPCM",
	0x65: "G.722 ADPCM", 0x83: "G.729",
}

// describe is what the fmt chunk says of the samples.
func (w *riff) describe() {
	f := &w.fmt
	if !f.found {
		w.Encoding = "of unknown encoding"
		w.fault(min(w.Bytes, 12), "there is no fmt chunk: rate and channels are unknown")
		return
	}
	w.Encoding = waveNames[f.code]
	switch {
	case f.code == wavePCM:
		w.Encoding = fmt.Sprintf("PCM %d bit", f.bits)
	case w.Encoding == "":
		w.Encoding = fmt.Sprintf("encoding %#x", f.code)
	case f.code == 3:
		w.Encoding += fmt.Sprintf(" %d bit", f.bits)
	}
	w.Rate, w.Channels, w.BitRate = int(f.rate), f.channels, float64(f.bytesPerSecond)*8/1000
	switch f.channels {
	case 1:
		w.Mode = "mono"
	case 2:
		w.Mode = "stereo"
	default:
		w.Mode = fmt.Sprintf("%d channels", f.channels)
	}
	if f.rate == 0 || f.channels == 0 || f.block == 0 {
		w.fault(20, "the fmt chunk tells of %d Hz, %d channels and %d bytes a sample", f.rate, f.channels, f.block)
		return
	}
	if !w.data.found {
		if !w.torn {
			w.fault(w.Bytes, "there is no data chunk, so there are no samples")
		}
		return
	}
	switch {
	case f.plain():
		w.Samples = w.data.size / int64(f.block)
		if odd := w.data.size % int64(f.block); odd > 0 && !w.torn {
			w.fault(w.data.at+w.data.size-odd, "the last sample is torn: %d of %d bytes", odd, f.block)
		}
	case w.fact > 0 && !w.torn:
		w.Samples = w.fact
	case f.bytesPerSecond > 0:
		w.Samples = int64(float64(w.data.size) / float64(f.bytesPerSecond) * float64(f.rate))
		w.note("the length is by the bytes a second that the header tells of")
	}
}

// plain says whether every sample takes the same number of bytes.
func (f *waveFormat) plain() bool {
	return (f.code == wavePCM || f.code == 3 || f.code == waveALaw || f.code == waveMuLaw) && f.block == f.channels*((f.bits+7)/8)
}

// listen measures the loudness, where the encoding is one that can be read.
func (w *riff) listen(most int64) {
	f := &w.fmt
	if w.Samples == 0 || f.channels > 64 {
		return
	}
	var read func() ([]int, error)
	size := w.data.size
	if size > most {
		size = most
		w.note("loudness is that of the first %s", w.length(size/int64(f.block)))
	}
	size -= size % int64(f.block)
	full := 32768.0
	switch {
	case f.code == wavePCM && f.plain() && f.bits%8 == 0 && f.bits <= 32:
		full = math.Exp2(float64(f.bits - 1))
		read = w.pcm(size)
	case (f.code == waveALaw || f.code == waveMuLaw) && f.plain() && f.bits == 8:
		read = w.g711(size)
	default:
		w.note("loudness is not measured: callrec does not decode %s", w.Encoding)
		return
	}
	m := newMeter(f.channels, int(f.rate))
	for {
		x, err := read()
		if len(x) == 0 || err != nil {
			if err != nil && !errors.Is(err, io.EOF) {
				w.fault(w.data.at, "the samples cannot be read: %v", err)
			}
			break
		}
		for _, v := range x {
			m.add(float64(v) / full)
		}
	}
	w.loud(m.loudness())
}

const readAtOnce = 16384

// pcm reads samples by way of go-audio/wav, to which the file is shown with a
// header that is right.
func (w *riff) pcm(size int64) func() ([]int, error) {
	f, le := &w.fmt, binary.LittleEndian
	head := append([]byte("RIFF"), 0, 0, 0, 0)
	head = append(head, "WAVEfmt \x10\x00\x00\x00\x01\x00"...)
	head = le.AppendUint16(head, uint16(f.channels))
	head = le.AppendUint32(head, uint32(f.rate))
	head = le.AppendUint32(head, uint32(f.bytesPerSecond))
	head = le.AppendUint16(head, uint16(f.block))
	head = le.AppendUint16(head, uint16(f.bits))
	head = append(head, "data"...)
	head = le.AppendUint32(head, uint32(size))
	le.PutUint32(head[4:], uint32(int64(len(head))-8+size))
	view := &mended{head, w.f, w.data.at}
	d := wav.NewDecoder(io.NewSectionReader(view, 0, int64(len(head))+size))
	buf := &audio.IntBuffer{Data: make([]int, readAtOnce/f.channels*f.channels)}
	return func() ([]int, error) {
		n, err := d.PCMBuffer(buf)
		x := buf.Data[:n]
		if f.bits == 8 { // which are unsigned
			for i := range x {
				x[i] -= 128
			}
		}
		return x, err
	}
}

// mended is a file with another head.
type mended struct {
	head []byte
	f    io.ReaderAt
	at   int64 // where in f what follows it begins
}

func (m *mended) ReadAt(b []byte, off int64) (n int, err error) {
	if off < int64(len(m.head)) {
		n = copy(b, m.head[off:])
	}
	if n == len(b) {
		return n, nil
	}
	k, err := m.f.ReadAt(b[n:], m.at+off+int64(n)-int64(len(m.head)))
	return n + k, err
}

// g711 reads octets.
func (w *riff) g711(size int64) func() ([]int, error) {
	law := g711.MuLaw
	if w.fmt.code == waveALaw {
		law = g711.ALaw
	}
	in := io.NewSectionReader(w.f, w.data.at, size)
	octets, pcm := make([]byte, readAtOnce), make([]int16, readAtOnce)
	values := make([]int, readAtOnce)
	return func() ([]int, error) {
		n, err := io.ReadFull(in, octets)
		if n > 0 {
			err = nil
		}
		g711.Decode(law, pcm[:n], octets[:n])
		for i, v := range pcm[:n] {
			values[i] = int(v)
		}
		return values[:n], err
	}
}

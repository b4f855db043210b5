package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"callrec/codec"
)

// riff is a RIFF WAVE file being read chunk by chunk ("Multimedia Programming
// Interface and Data Specifications 1.0", RIFF and WAVE). go-audio/wav reads the
// samples, but trusts sizes, which a torn file has wrong: so the chunks are ours.
type riff struct {
	*report
	f    io.ReaderAt
	fmt  waveFormat
	data chunk
	fact int64 // samples of each channel, for encodings whose bytes do not tell
	ds64 int64 // size of data in an RF64 file (EBU Tech 3306), or 0
	tags codec.Tags
	torn bool // the sizes have been complained of
}

// chunk is where a chunk's body lies.
type chunk struct {
	at, size int64
	found    bool
}

// waveFormat is the fmt chunk.
type waveFormat struct {
	found                       bool
	code, channels, block, bits int
	rate, bytesPerSecond        int64
}

const mostChunks = 4096

func isRIFF(b []byte) bool {
	return len(b) >= 4 && (string(b[:4]) == "RIFF" || string(b[:4]) == "RF64") && (len(b) < 12 || string(b[8:12]) == "WAVE")
}

// inspectWAV reads a WAV file, of which most bytes of samples are listened to.
func inspectWAV(r *report, f io.ReaderAt, most int64) {
	w := &riff{report: r, f: f}
	r.Format = "wav"
	w.chunks()
	r.tags(w.tags)
	w.describe()
	if w.fmt.found && w.data.found {
		w.listen(most)
	}
	if r.Faults > 0 {
		r.Remedy = "there is nothing in it to be played"
		if r.Samples > 0 {
			r.Remedy = fmt.Sprintf("%s can be played by what takes no notice of the sizes in the header; "+
				"a worker puts them right when it starts, if the file is in its spool", r.length(r.Samples))
		}
	}
	r.finish()
}

// read reads n bytes, or fewer at the end.
func (w *riff) read(at, n int64) []byte {
	b := make([]byte, max(0, min(n, w.Bytes-at)))
	k, _ := w.f.ReadAt(b, at)
	return b[:k]
}

// chunks goes through the file.
func (w *riff) chunks() {
	const first = 12
	le := binary.LittleEndian
	at := int64(first)
	for range mostChunks {
		head := w.read(at, 8)
		if len(head) < 8 {
			if len(head) > 0 && !w.torn {
				w.torn = true
				w.fault(at, "%d bytes at the end are no chunk", len(head))
			}
			break
		}
		id, size := string(head[:4]), int64(le.Uint32(head[4:]))
		if !isChunk(id) {
			if !w.torn {
				w.torn = true
				w.fault(at, "what is here is no chunk, up to the end at byte %s", thousands(int(w.Bytes)))
			}
			break
		}
		if id == "data" && !w.data.found {
			size = w.samples(at, size)
			w.data = chunk{at + 8, size, true}
		} else if left := w.Bytes - at - 8; size > left {
			w.torn = true
			w.fault(at+4, "chunk %q should have %s bytes, the file has %s more", id, thousands(int(size)), thousands(int(left)))
			break
		} else {
			w.other(id, at+8, size)
		}
		at += 8 + size + size&1 // chunks lie on even offsets
	}
	if head := w.read(4, 4); len(head) == 4 && !w.torn && w.ds64 == 0 {
		// A pad byte at the end is counted by some and not by others.
		if size := int64(le.Uint32(head)); size < w.Bytes-9 && size != 0xffffffff || size > w.Bytes-8+1 {
			w.fault(4, "the header tells of %s bytes, the file has %s", thousands(int(size+8)), thousands(int(w.Bytes)))
		}
	}
}

// isChunk says whether four bytes can name a chunk.
func isChunk(id string) bool {
	for _, c := range []byte(id) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// samples is how long the data chunk whose head is at really is.
func (w *riff) samples(at, size int64) int64 {
	left := w.Bytes - at - 8
	switch {
	case size == 0xffffffff && w.ds64 > 0:
		size = w.ds64
	case size == 0xffffffff && left > size: // more than 32 bits can say
		return left
	case size == 0xffffffff, size == 0 && left > 0 && !w.follows(at+8):
		w.torn = true
		w.fault(at+4, "the recording was not finished: the header counts no samples, %s bytes of them follow", thousands(int(left)))
		return left
	}
	if size > left {
		w.torn = true
		w.fault(w.Bytes, "the file is cut off: %s of %s bytes of samples are here", thousands(int(left)), thousands(int(size)))
		return left
	}
	return size
}

// follows says whether chunks lie from at to the end of the file.
func (w *riff) follows(at int64) bool {
	for range mostChunks {
		head := w.read(at, 8)
		if len(head) < 8 || !isChunk(string(head[:4])) {
			return false
		}
		size := int64(binary.LittleEndian.Uint32(head[4:]))
		if at += 8 + size + size&1; at >= w.Bytes {
			return at <= w.Bytes+1
		}
	}
	return false
}

// other reads a chunk that is not samples.
func (w *riff) other(id string, at, size int64) {
	le := binary.LittleEndian
	b := w.read(at, min(size, 1<<20))
	switch {
	case id == "fmt " && len(b) >= 16:
		w.fmt = waveFormat{
			found: true, code: int(le.Uint16(b)), channels: int(le.Uint16(b[2:])), rate: int64(le.Uint32(b[4:])),
			bytesPerSecond: int64(le.Uint32(b[8:])), block: int(le.Uint16(b[12:])), bits: int(le.Uint16(b[14:])),
		}
		if w.fmt.code == extensible && len(b) >= 26 {
			w.fmt.code = int(le.Uint16(b[24:])) // the GUID begins with it
		}
	case id == "fact" && len(b) >= 4:
		w.fact = int64(le.Uint32(b))
	case id == "ds64" && len(b) >= 16:
		w.ds64 = max(0, int64(le.Uint64(b[8:])))
	case id == "LIST" && bytes.HasPrefix(b, []byte("INFO")):
		w.info(b[4:])
	}
}

// info reads the tags (RIFF MCI, "INFO List Chunk"), as codec/wav writes them.
func (w *riff) info(b []byte) {
	t := &w.tags
	fields := map[string]*string{
		"INAM": &t.Title, "ICRD": &t.Date, "ISRC": &t.CallID, "IART": &t.From, "ISBJ": &t.To, "ICMT": &t.Comment,
	}
	for len(b) >= 8 {
		size := int64(binary.LittleEndian.Uint32(b[4:]))
		body := b[8:]
		if size > int64(len(body)) {
			return
		}
		if field := fields[string(b[:4])]; field != nil {
			text, _, _ := strings.Cut(string(body[:size]), "\x00")
			*field = strings.ToValidUTF8(text, "\ufffd")
		}
		b = body[min(size+size&1, int64(len(body))):]
	}
}

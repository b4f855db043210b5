package mp3

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"

	"callrec/codec"
)

// ReadTags reads the ID3v2 tag at the start of a file: what Encoder.Header wrote,
// or the same fields of another writer's version 2.3 or 2.4 (id3.org, ID3v2.3.0
// and ID3v2.4.0 structure §3 and §4). It takes any bytes; what is compressed,
// encrypted or unsynchronised is left out.
func ReadTags(b []byte) (t codec.Tags) {
	n := id3Len(b)
	if n < id3Header || b[3] < 3 || b[3] > 4 || b[5]&0x80 != 0 {
		return t
	}
	version, extended := b[3], b[5]&0x40 != 0
	b = b[id3Header:n]
	if extended && len(b) >= 4 {
		skip := syncsafe(b)
		if version == 3 {
			skip = 4 + int(binary.BigEndian.Uint32(b))
		}
		if skip < 0 || skip > len(b) {
			return t
		}
		b = b[skip:]
	}
	for len(b) >= 10 && b[0] != 0 {
		size := syncsafe(b[4:])
		if version == 3 {
			size = int(binary.BigEndian.Uint32(b[4:]))
		}
		if size < 0 || size > len(b)-10 {
			return t
		}
		if b[9] == 0 && size > 0 {
			readText(&t, string(b[:4]), b[10:10+size])
		}
		b = b[10+size:]
	}
	return t
}

// readText puts one frame where it belongs.
func readText(t *codec.Tags, id string, b []byte) {
	encoding := b[0]
	b = b[1:]
	switch id {
	case "TIT2":
		t.Title = text(encoding, b)
	case "TDRC", "TYER":
		t.Date = text(encoding, b)
	case "TXXX":
		what, value := description(encoding, b)
		switch strings.ToLower(what) {
		case "call-id":
			t.CallID = value
		case "from":
			t.From = value
		case "to":
			t.To = value
		}
	case "COMM":
		if len(b) < 3 {
			return
		}
		if what, value := description(encoding, b[3:]); what == "" || t.Comment == "" {
			t.Comment = value
		}
	}
}

// description takes apart a frame of two texts.
func description(encoding byte, b []byte) (what, value string) {
	if encoding != 1 && encoding != 2 {
		head, tail, _ := bytes.Cut(b, []byte{0})
		return text(encoding, head), text(encoding, tail)
	}
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] == 0 && b[i+1] == 0 {
			return text(encoding, b[:i]), text(encoding, b[i+2:])
		}
	}
	return text(encoding, b), ""
}

// text is a string in one of the four encodings of ID3v2 (2.4.0 §4), up to a
// zero; UTF-16 without a mark is big-endian.
func text(encoding byte, b []byte) string {
	switch encoding {
	case 0:
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c)
		}
		return untilZero(string(runes))
	case 1, 2:
		var order binary.ByteOrder = binary.BigEndian
		if len(b) >= 2 && b[0] == 0xff && b[1] == 0xfe {
			order = binary.LittleEndian
		}
		units := make([]uint16, len(b)/2)
		for i := range units {
			units[i] = order.Uint16(b[2*i:])
		}
		return untilZero(strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff"))
	}
	return untilZero(strings.ToValidUTF8(string(b), "\ufffd"))
}

func untilZero(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

// syncsafe is 28 bits of four bytes of seven.
func syncsafe(b []byte) int {
	return int(b[0]&0x7f)<<21 | int(b[1]&0x7f)<<14 | int(b[2]&0x7f)<<7 | int(b[3]&0x7f)
}

package mp3

import (
	"unicode/utf8"

	"callrec/codec"
)

const (
	id3Header = 10
	id3Least  = 64 // room below which no text would fit
)

// appendID3 writes an ID3v2.4 tag of exactly room bytes (id3.org, ID3v2.4.0
// structure §3 and §4). Texts that do not fit are cut or left out.
func appendID3(dst []byte, room int, t codec.Tags) []byte {
	if room == 0 {
		return dst
	}
	start := len(dst)
	dst = append(dst, 'I', 'D', '3', 4, 0, 0)
	dst = appendSyncsafe(dst, room-id3Header)
	end := start + room
	dst = appendText(dst, end, "TIT2", "", t.Title)
	dst = appendText(dst, end, "TDRC", "", t.Date)
	dst = appendText(dst, end, "TXXX", "call-id", t.CallID)
	dst = appendText(dst, end, "TXXX", "from", t.From)
	dst = appendText(dst, end, "TXXX", "to", t.To)
	dst = appendText(dst, end, "COMM", "", t.Comment)
	for len(dst) < end {
		dst = append(dst, 0)
	}
	return dst
}

// appendText writes one text frame in UTF-8, if text is not empty and room is
// left before end: TXXX with a description, COMM with language and description.
func appendText(dst []byte, end int, id, what, text string) []byte {
	head := 10 + 1
	switch id {
	case "TXXX":
		head += len(what) + 1
	case "COMM":
		head += 3 + 1
	}
	room := end - len(dst) - head
	if text == "" || room < 1 {
		return dst
	}
	if len(text) > room {
		for room > 0 && !utf8.RuneStart(text[room]) {
			room--
		}
		text = text[:room]
	}
	dst = append(dst, id...)
	dst = appendSyncsafe(dst, head-10+len(text))
	dst = append(dst, 0, 0, 3)
	switch id {
	case "TXXX":
		dst = append(dst, what...)
		dst = append(dst, 0)
	case "COMM":
		dst = append(dst, "und\x00"...)
	}
	return append(dst, text...)
}

// appendSyncsafe writes 28 bits in four bytes of seven.
func appendSyncsafe(dst []byte, n int) []byte {
	return append(dst, byte(n>>21&0x7f), byte(n>>14&0x7f), byte(n>>7&0x7f), byte(n&0x7f))
}

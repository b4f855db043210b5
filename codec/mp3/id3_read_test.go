package mp3

import (
	"strings"
	"testing"

	"callrec/codec"
)

func TestReadTags(t *testing.T) {
	want := codec.Tags{
		Title: "Gespräch", Date: "2026-01-02T03:04:05Z", CallID: "abc@10.0.0.1",
		From: "1001", To: "+1555", Comment: `{"legs":[{},{}]}`,
	}
	e, err := New(Config{Rate: 8000, Channels: 1, BitRate: 16, TagRoom: 512})
	if err != nil {
		t.Fatal(err)
	}
	if got := ReadTags(e.Header(nil, want)); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := ReadTags(e.Header(nil, codec.Tags{})); got != (codec.Tags{}) {
		t.Errorf("a tag without texts holds %+v", got)
	}
	// Version 2.3 in UTF-16 and Latin-1, as other encoders write it; a picture
	// between, and a comment of a player that must not hide the real one.
	frame := func(id, body string) string {
		return id + string([]byte{0, 0, 0, byte(len(body)), 0, 0}) + body
	}
	body := frame("TIT2", "\x01\xff\xfeT\x00\xfc\x00") + frame("APIC", "\x00junk") + frame("TYER", "\x001999") +
		frame("COMM", "\x00eng\x00real") + frame("COMM", "\x01eng\xff\xfei\x00\x00\x00\xff\xfex\x00") + "\x00\x00\x00"
	tag := "ID3\x03\x00\x00\x00\x00\x00" + string([]byte{byte(len(body))}) + body
	if got := ReadTags([]byte(tag)); got != (codec.Tags{Title: "Tü", Date: "1999", Comment: "real"}) {
		t.Errorf("version 2.3 reads as %+v", got)
	}
}

func FuzzReadTags(f *testing.F) {
	e, _ := New(Config{Rate: 8000, Channels: 1, BitRate: 16, TagRoom: 256})
	f.Add(e.Header(nil, codec.Tags{Title: "x", CallID: "y", Comment: "z"}))
	f.Add([]byte("ID3\x03\x00\x40\x00\x00\x00\x7f\xff\xff\xff\xff"))
	f.Add([]byte("ID3\x04\x00\x00\x00\x00\x00\x0bCOMM\x00\x00\x00\x01\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := ReadTags(b)
		if n := len(got.Title) + len(got.Comment) + len(got.From); n > 4*len(b)+12 || strings.Contains(got.Title, "\x00") {
			t.Errorf("%d bytes of tags in a file of %d", n, len(b))
		}
	})
}

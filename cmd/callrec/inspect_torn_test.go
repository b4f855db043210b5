package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"callrec/codec/mp3"
)

// Damage by name: what the file is like, what is said of it, and how many samples
// are left.
func TestInspectTorn(t *testing.T) {
	wavWhole, wavOpen := madeWAV(t, 1)
	mp3Config := mp3.Config{Rate: telephony, Channels: 1, BitRate: 32, TagRoom: 1024}
	mp3Whole, mp3Open := madeMP3(t, mp3Config)
	first := mp3.Walk(mp3Whole, nil)
	const frame = 288 // bytes at 8 kHz and 32 kbit/s
	sized := func(b []byte, at int, size uint32) []byte {
		b = bytes.Clone(b)
		binary.LittleEndian.PutUint32(b[at:], size)
		return b
	}
	noise := bytes.Repeat([]byte("no frame "), 100)
	for _, c := range []struct {
		name    string
		file    string
		b       []byte
		samples int64
		says    []string
	}{
		{"sizes of the start", "x.wav", wavOpen, 80000, []string{"at byte 40: the recording was not finished", "160,000 bytes", "0:00:10.000 can be played"}},
		{"sizes that were never known", "x.wav", sized(sized(wavOpen, 4, 1<<32-1), 40, 1<<32-1), 80000, []string{"not finished"}},
		{"cut off", "x.wav", wavWhole[:100001], 49978, []string{"at byte 100,001: the file is cut off: 99,957 of 160,000 bytes", "0:00:06.247 can be played"}},
		{"cut off in the tags", "x.wav", wavWhole[:160100], 80000, []string{`chunk "LIST" should have`}},
		{"cut off in the header", "x.wav", wavWhole[:30], 0, []string{"no fmt chunk", "nothing in it to be played"}},
		{"only four bytes", "x.wav", wavWhole[:4], 0, []string{"no fmt chunk"}},
		{"no data", "x.wav", wavWhole[:36], 0, []string{"no data chunk"}},
		{"a wrong RIFF size", "x.wav", sized(wavWhole, 4, 1000), 80000, []string{"at byte 4: the header tells of 1,008 bytes, the file has 160,304"}},
		{"something behind", "x.wav", append(bytes.Clone(wavWhole), "\x01\x02\x03\x04 and more"...), 80000, []string{"at byte 160,304: what is here is no chunk"}},
		{"no channels", "x.wav", sized(wavWhole, 22, 8000<<16), 0, []string{"0 channels"}},

		{"header of the start", "x.mp3", mp3Open, 0, []string{"the recording was not finished", "can be played, up to byte", "worker repairs"}},
		{"cut in a frame", "x.mp3", mp3Whole[:first.Audio+812*frame/10], 0, []string{"cut off within a frame, after 81 whole ones", "worker repairs"}},
		{"cut between frames", "x.mp3", mp3Whole[:first.Audio+10*frame], 10*576 - 1057, []string{"the tag tells of 141 frames, there are 10", "worker repairs"}},
		{"garbage between", "x.mp3", slices.Insert(bytes.Clone(mp3Whole), first.Audio+5*frame, noise...), 80000, []string{"900 bytes are no frame", "players leave out"}},
		{"garbage before", "x.mp3", append(bytes.Clone(noise), mp3Whole[first.Tag:]...), 0, []string{"at byte 0: 900 bytes are no frame"}},
		{"a frame missing", "x.mp3", slices.Delete(bytes.Clone(mp3Whole), first.Audio+5*frame, first.Audio+6*frame), 0, []string{"there are 140"}},
		{"noise within a frame", "x.mp3", overwrite(mp3Whole, first.Audio+10*frame, 20*frame), 80000, []string{"cannot be decoded"}},
		{"no frames", "x.mp3", mp3Whole[:900], 0, []string{"no audio frames"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, r := looked(t, c.file, c.b)
			for _, want := range c.says {
				if !strings.Contains(text, want) {
					t.Errorf("nothing of %q in\n%s", want, text)
				}
			}
			if c.samples != 0 && r.Samples != c.samples || r.Faults == 0 || r.sound() || len(r.Damage) == 0 {
				t.Errorf("%d samples, want %d\n%s", r.Samples, c.samples, text)
			}
		})
	}

	// What a worker would make of the file is as long as inspect says.
	torn := mp3Whole[:first.Audio+812*frame/10]
	head, size, err := mp3.Repair(torn)
	if err != nil {
		t.Fatal(err)
	}
	_, before := looked(t, "x.mp3", torn)
	text, after := looked(t, "x.mp3", append(head, torn[len(head):size]...))
	if after.Samples != before.Samples || !after.sound() {
		t.Errorf("%d samples before repair, and after\n%s", before.Samples, text)
	}

	// Without the Info frame nothing is wrong, but the length is not exact.
	text, r := looked(t, "x.mp3", slices.Delete(bytes.Clone(mp3Whole), first.Tag, first.Audio))
	if !r.sound() || r.Samples != int64(first.Frames)*576 || !strings.Contains(text, "no Info tag") {
		t.Errorf("without the Info frame\n%s", text)
	}
	// A recording without a sample is a whole one.
	empty := slices.Delete(bytes.Clone(wavWhole), 44, 160044)
	if text, r := looked(t, "x.wav", sized(sized(empty, 40, 0), 4, uint32(len(empty)-8))); !r.sound() || r.Samples != 0 || r.Tags == nil {
		t.Errorf("an empty recording\n%s", text)
	}
}

// overwrite puts noise into the main data of a frame, which no header shows.
func overwrite(b []byte, at, n int) []byte {
	b = bytes.Clone(b)
	mp3.Walk(bytes.Clone(b), func(f mp3.Frame) {
		if f.Offset >= at && f.Offset < at+n {
			for i := f.Offset + 21; i < f.Offset+f.Size(); i++ {
				b[i] = byte(i*i*2654435761>>7) & 0x7f
			}
		}
	})
	return b
}

// A file of which only the start is looked at is not damaged by that.
func TestInspectHuge(t *testing.T) {
	dir := t.TempDir()
	m, _ := madeMP3(t, mp3.Config{Rate: telephony, Channels: 1, BitRate: 32})
	w, _ := madeWAV(t, 1)
	for name, b := range map[string][]byte{"x.mp3": m, "x.wav": w} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		r := inspect(path, 20000)
		if !r.sound() || len(r.Notes) == 0 || r.Loudness[0].Active == nil || name == "x.wav" && r.Samples != 80000 {
			t.Errorf("of the first 20,000 bytes: %s", r.text())
		}
	}
}

func TestInspectNoRecordings(t *testing.T) {
	for _, c := range []struct {
		name string
		b    string
		says string
	}{
		{"empty.wav", "", "the file is empty"},
		{"x.wav", "OggS and so on", "this is Ogg, neither"},
		{"x.ogg", "hello, world", "neither WAV nor MP3"},
		{"x.mp3", "hello, world", "no audio frames"},
		{"x.bin", "RIFF\x04\x00\x00\x00AVI ", "neither WAV nor MP3"},
	} {
		if text, r := looked(t, c.name, []byte(c.b)); !strings.Contains(text, c.says) || r.sound() {
			t.Errorf("%s: nothing of %q in\n%s", c.name, c.says, text)
		}
	}
	if r := inspect(t.TempDir(), inspectMost); !strings.Contains(r.text(), "directory") || r.sound() {
		t.Error(r.text())
	}
	if r := inspect(os.DevNull, inspectMost); r.sound() {
		t.Error(r.text())
	}
}

// Files of other programs.
func TestInspectForeign(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.wav")
	b, _ := madeWAV(t, 1)
	if err := os.WriteFile(in, b[:160044], 0o600); err != nil { // sox does not mind a wrong size
		t.Fatal(err)
	}
	for _, c := range []struct {
		tool string
		args []string
		out  string
		says []string
	}{
		{"sox", []string{"-b", "24"}, "24.wav", []string{"WAV PCM 24 bit, 8000 Hz, mono", "0:00:10.000 (80,000", "at -20.1 dBFS"}},
		{"sox", []string{"-b", "32"}, "32.wav", []string{"PCM 32 bit", "at -20.1 dBFS"}},
		{"sox", []string{"-b", "8"}, "8.wav", []string{"PCM 8 bit", "at -20.3 dBFS"}},
		{"sox", []string{"-e", "a-law"}, "alaw.wav", []string{"G.711 A-law", "at -20.1 dBFS"}},
		{"sox", []string{"-e", "mu-law"}, "ulaw.wav", []string{"G.711 µ-law", "at -20.1 dBFS"}},
		{"sox", []string{"-e", "ms-adpcm"}, "ms.wav", []string{"Microsoft ADPCM", "80,000 samples", "loudness is not measured"}},
		{"sox", []string{"-e", "ima-adpcm"}, "ima.wav", []string{"IMA ADPCM", "80,000 samples", "loudness is not measured"}},
		{"sox", []string{"-e", "float"}, "float.wav", []string{"IEEE float 32 bit", "80,000 samples", "loudness is not measured"}},
		{"sox", []string{"-r", "44100", "-c", "4"}, "four.wav", []string{"44100 Hz, 4 channels", "channel 4"}},
		{"lame", []string{"--quiet", "-V", "4", "--tt", "Über", "--ty", "1999"}, "vbr.mp3", []string{"MPEG-2.5 Layer III, 8000 Hz, mono", "(VBR)", "(80,000 samples)", "Über", "1999", "delay 576"}},
		{"lame", []string{"--quiet", "-b", "64", "--resample", "16"}, "cbr.mp3", []string{"MPEG-2 Layer III, 16000 Hz", "64 kbit/s (CBR)", "(160,000 samples)", "dBFS RMS"}},
		{"lame", []string{"--quiet", "-b", "8"}, "low.mp3", []string{"8000 Hz, mono, 8 kbit/s", "no Info tag"}},
		{"lame", []string{"--quiet", "-b", "32", "-t"}, "bare.mp3", []string{"no Info tag"}},
		{"lame", []string{"--quiet", "-b", "32", "-p"}, "protected.mp3", []string{"(80,000 samples)", "no damage found"}},
	} {
		t.Run(c.out, func(t *testing.T) {
			if _, err := exec.LookPath(c.tool); err != nil {
				t.Skipf("%s is not installed", c.tool)
			}
			out := filepath.Join(dir, c.out)
			args := append([]string{in}, append(c.args, out)...)
			if c.tool == "lame" {
				args = append(c.args, in, out)
			}
			if said, err := exec.Command(c.tool, args...).CombinedOutput(); err != nil {
				t.Fatalf("%s %v: %v: %s", c.tool, args, err, said)
			}
			r := inspect(out, inspectMost)
			for _, want := range c.says {
				if !strings.Contains(r.text(), want) {
					t.Errorf("nothing of %q in\n%s", want, r.text())
				}
			}
			if !r.sound() {
				t.Errorf("it is not damaged:\n%s", r.text())
			}
		})
	}
}

// Nothing a file can hold upsets inspect, and what it says fits the file.
func FuzzInspectWAV(f *testing.F) {
	whole, open := madeWAV(f, 1)
	short := slices.Concat(whole[:1000], whole[160044:])
	f.Add(short)
	f.Add(open[:500])
	f.Add(append([]byte("RF64\xff\xff\xff\xffWAVEds64\x10\x00\x00\x00aaaaaaaaaaaaaaaa"), short[12:]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &report{Bytes: int64(len(b))}
		inspectWAV(r, bytes.NewReader(b), inspectMost)
		if r.Faults < len(r.Damage) || r.Samples < 0 || !strings.HasSuffix(r.text(), "\n") {
			t.Errorf("%+v", r)
		}
		for _, d := range r.Damage {
			if d.Offset < 0 || d.Offset > int64(len(b)) {
				t.Errorf("damage at %d of %d bytes", d.Offset, len(b))
			}
		}
	})
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"callrec/codec/mp3"
)

// inspectCmd is the command line of inspect.
type inspectCmd struct {
	Files []string `arg:"" name:"file" help:"WAV or MP3 files."`
	JSON  bool     `help:"One JSON object a line for each file, to be read by programs."`
}

// Help is what callrec inspect --help adds to the flags.
func (*inspectCmd) Help() string {
	return `Tells of each file its format, rate, channels, bit rate and exact length, how loud each channel is, the tags with ` +
		`the record of the recording's quality, and every damage that can be found, with the byte where it is.

Loudness is that of active speech, as the demo tells it: the mean power of the 20 ms stretches that are neither silence ` +
		`nor 16 dB below the rest, in dB below a full-scale square wave. An MP3 is decoded for it, which is also how damage ` +
		`within frames is found; its peak can be above 0 dBFS, where players clip.

Any WAV file is described; loudness is told of PCM of 8 to 32 bits and of G.711. The length of an MP3 is what a player ` +
		`that knows the Info tag plays, to the sample. At most 1 GiB of a file is listened to.

The exit code is 0 when no file is damaged, 1 when one is or cannot be read, 2 for wrong usage.`
}

// inspectMost is how much of a file is listened to, and of an MP3, held.
const inspectMost = 1 << 30

// Run inspects every file, whatever the others are like.
func (c *inspectCmd) Run() error { return c.run(os.Stdout) }

func (c *inspectCmd) run(w io.Writer) error {
	bad := 0
	for i, path := range c.Files {
		r := inspect(path, inspectMost)
		if !r.sound() {
			bad++
		}
		var err error
		if c.JSON {
			err = json.NewEncoder(w).Encode(r)
		} else {
			if i > 0 {
				_, _ = fmt.Fprintln(w)
			}
			_, err = io.WriteString(w, r.text())
		}
		if err != nil {
			return err
		}
	}
	switch {
	case bad == 0:
		return nil
	case len(c.Files) == 1:
		return errors.New("the file is damaged or cannot be read")
	}
	return fmt.Errorf("%d of %d files are damaged or cannot be read", bad, len(c.Files))
}

// inspect finds out what a file is, by its first bytes, and reads it.
func inspect(path string, most int64) *report {
	r := &report{Path: path}
	f, err := os.Open(path)
	if err != nil {
		return r.fail(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return r.fail(err)
	}
	r.Bytes = info.Size()
	switch {
	case info.IsDir():
		return r.fail(errors.New("this is a directory: name the files in it"))
	case !info.Mode().IsRegular():
		return r.fail(errors.New("this is no regular file"))
	case r.Bytes == 0:
		return r.fail(errors.New("the file is empty"))
	}
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return r.fail(err)
	}
	head = head[:n]
	if isRIFF(head) {
		inspectWAV(r, f, most)
		return r
	}
	if what := otherFormat(head); what != "" {
		return r.fail(fmt.Errorf("this is %s, neither WAV nor MP3", what))
	}
	// Frames may come late, behind garbage; a name that says so is believed.
	if strings.EqualFold(filepath.Ext(path), ".mp3") || mp3.Walk(head, nil).Frames > 1 {
		inspectMP3(r, f, most)
		return r
	}
	return r.fail(errors.New("this is neither WAV nor MP3"))
}

// otherFormat names what a file is by its first bytes, if it is often met beside
// recordings.
func otherFormat(b []byte) string {
	for _, f := range []struct{ magic, name string }{
		{"OggS", "Ogg"},
		{"fLaC", "FLAC"},
		{"FORM", "AIFF"},
		{".snd", "Sun audio"},
		{"#!AMR", "AMR"},
		{"RIFX", "big-endian RIFF"},
		{"\xd4\xc3\xb2\xa1", "a packet capture (callrec replay records from it)"},
		{"\x0a\x0d\x0d\x0a", "a packet capture (callrec replay records from it)"},
		{"PK\x03\x04", "a ZIP archive"},
		{"\x1f\x8b", "a gzip archive"},
	} {
		if strings.HasPrefix(string(b), f.magic) {
			return f.name
		}
	}
	if len(b) >= 8 && string(b[4:8]) == "ftyp" {
		return "MPEG-4"
	}
	return ""
}

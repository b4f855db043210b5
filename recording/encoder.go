package recording

import (
	"fmt"
	"io"
	"math"
	"os"

	"callrec/codec"
	"callrec/codec/mp3"
	"callrec/codec/wav"
	"callrec/upload/spool"
)

// contentTypes are Kazoo's (Apache's table).
var contentTypes = map[string]string{"mp3": "audio/mpeg", "wav": "audio/x-wav"}

// An MP3 file begins with room for its tags, and then a frame that says how long
// it is; sizes in bytes.
const (
	mp3TagRoom      = 1024
	mp3LargestFrame = 1441
)

// newEncoder makes the encoder of a spec. NewSpec has checked everything an
// encoder could refuse.
func newEncoder(s *Spec) (codec.Encoder, error) {
	switch s.format {
	case "wav":
		return wav.New(s.rate, s.channels)
	case "mp3":
		return mp3.New(mp3.Config{Rate: s.rate, Channels: s.channels, BitRate: s.kbps, TagRoom: mp3TagRoom})
	default:
		return nil, fmt.Errorf("cannot encode %q: no such encoder", s.format)
	}
}

// Repair makes the audio file of a recording whole that a crash has torn: it is
// cut to its last whole frame and given the header for what is there. cmd plugs
// it into the spool, which does not know formats.
func Repair(m *spool.Manifest, f *os.File) error {
	switch m.Ext {
	case "wav":
		return repairWAV(m, f)
	case "mp3":
		return repairMP3(m, f)
	default:
		return fmt.Errorf("cannot repair %q: unknown format", m.Ext)
	}
}

func repairWAV(m *spool.Manifest, f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	tail := make([]byte, min(st.Size(), wav.TrailerMax))
	if _, err := f.ReadAt(tail, st.Size()-int64(len(tail))); err != nil {
		return err
	}
	header, length := wav.Repair(m.Rate, m.Channels, st.Size(), tail)
	setDuration(m, (length-wav.HeaderLen)/int64(2*m.Channels)*1000/int64(m.Rate))
	return rewrite(f, header, length)
}

// repairMP3 reads the file whole: three hours of it are some tens of megabytes.
func repairMP3(m *spool.Manifest, f *os.File) error {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, math.MaxInt64))
	if err != nil {
		return err
	}
	header, length, err := mp3.Repair(b)
	if err != nil && len(b) < mp3TagRoom+mp3LargestFrame { // not even the header came to the disk
		if header, err = emptyMP3(m); err == nil {
			setDuration(m, 0)
			err = rewrite(f, header, int64(len(header)))
		}
		return err
	}
	if err != nil {
		return err
	}
	copy(b, header)
	setDuration(m, mp3.Walk(b[:length], nil).Samples*1000/int64(m.Rate))
	return rewrite(f, header, int64(length))
}

// emptyMP3 is the file of a recording that holds nothing.
func emptyMP3(m *spool.Manifest) ([]byte, error) {
	e, err := mp3.New(mp3.Config{
		Rate: m.Rate, Channels: m.Channels, BitRate: mp3Kbps(0, m.Rate, m.Channels), TagRoom: mp3TagRoom,
	})
	if err != nil {
		return nil, err
	}
	t := codec.Tags{Title: m.MediaName, CallID: m.CallID}
	head := e.Header(nil, t)
	whole := e.Finish(head, t)
	copy(whole, e.Header(nil, t))
	return whole, nil
}

// rewrite cuts a file to a length and gives it a header.
func rewrite(f *os.File, header []byte, length int64) error {
	if err := f.Truncate(length); err != nil {
		return err
	}
	_, err := f.WriteAt(header, 0)
	return err
}

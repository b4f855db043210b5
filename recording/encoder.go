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
		return mp3.New(mp3Config(s.rate, s.channels, s.kbps))
	default:
		return nil, fmt.Errorf("cannot encode %q: no such encoder", s.format)
	}
}

// continueEncoder makes the encoder for the rest of a file: it is to be cut to its
// first keep bytes, which hold so many samples of each channel. keep 0: the file
// begins anew, not even its header had come to the disk.
func continueEncoder(s *Spec, f *os.File, size int64) (e codec.Encoder, keep, samples int64, err error) {
	if e, err = newEncoder(s); err != nil || size < int64(len(e.Header(nil, codec.Tags{}))) {
		return e, 0, 0, err
	}
	if s.format == "wav" {
		tail := make([]byte, min(size, wav.TrailerMax))
		if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
			return nil, 0, 0, err
		}
		_, keep = wav.Repair(s.rate, s.channels, size, tail)
		samples = (keep - wav.HeaderLen) / int64(2*s.channels)
		e, err = wav.Continue(s.rate, s.channels, samples)
		return e, keep, samples, err
	}
	b, err := io.ReadAll(io.NewSectionReader(f, 0, size))
	if err != nil {
		return nil, 0, 0, err
	}
	e, end, samples, err := mp3.Continue(mp3Config(s.rate, s.channels, s.kbps), b)
	return e, int64(end), samples, err
}

// roughly is how many samples of a channel a file of so many bytes holds, to some
// tens of milliseconds.
func roughly(s *Spec, size int64) int64 {
	if s.format == "wav" {
		return max(size-wav.HeaderLen, 0) / int64(2*s.channels)
	}
	return max(size-mp3TagRoom, 0) * 8 * int64(s.rate) / int64(1000*s.kbps)
}

func mp3Config(rate, channels, kbps int) mp3.Config {
	return mp3.Config{Rate: rate, Channels: channels, BitRate: kbps, TagRoom: mp3TagRoom}
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
	e, err := mp3.New(mp3Config(m.Rate, m.Channels, mp3Kbps(0, m.Rate, m.Channels)))
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

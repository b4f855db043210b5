package recording

import (
	"fmt"
	"os"

	"callrec/codec"
	"callrec/codec/wav"
	"callrec/upload/spool"
)

// contentTypes are Kazoo's (Apache's table).
var contentTypes = map[string]string{"mp3": "audio/mpeg", "wav": "audio/x-wav"}

// newEncoder makes the encoder of a spec. NewSpec has checked everything an
// encoder could refuse.
func newEncoder(s *Spec) (codec.Encoder, error) {
	switch s.format {
	case "wav":
		return wav.New(s.rate, s.channels)
	default:
		return nil, fmt.Errorf("cannot encode %q: no such encoder", s.format)
	}
}

// Repair makes the audio file of a recording whole that a crash has torn: it is
// cut to its last whole frame and given the header for what is there. cmd plugs
// it into the spool, which does not know formats.
func Repair(m *spool.Manifest, f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	switch m.Ext {
	case "wav":
		tail := make([]byte, min(st.Size(), wav.TrailerMax))
		if _, err := f.ReadAt(tail, st.Size()-int64(len(tail))); err != nil {
			return err
		}
		header, length := wav.Repair(m.Rate, m.Channels, st.Size(), tail)
		if err := f.Truncate(length); err != nil {
			return err
		}
		if _, err := f.WriteAt(header, 0); err != nil {
			return err
		}
		setDuration(m, (length-wav.HeaderLen)/int64(2*m.Channels)*1000/int64(m.Rate))
		return nil
	default:
		return fmt.Errorf("cannot repair %q: unknown format", m.Ext)
	}
}

package mp3

import (
	"fmt"

	"callrec/codec"
)

// Continue makes an encoder for the rest of a file that one with the same
// configuration has begun and never finished. b is the file as it is; size is
// where to cut it, behind its last whole frame, and samples how many of each
// channel that is: the next one handed to Append lies there in time, to the sample.
//
// Nothing of the signal before is known any more. The new encoder begins as
// any does, as if there had been silence, so the last decodeDelay samples before
// the joint (1057: 66 ms at 16 kHz) fade out instead of being coded whole.
// Length, frames and seek table of the finished file count both parts.
func Continue(cfg Config, b []byte) (e *Encoder, size int, samples int64, err error) {
	if e, err = New(cfg); err != nil {
		return nil, 0, 0, err
	}
	count, strange := 0, false
	s := Walk(b, func(f Frame) {
		e.index.emitted(b[f.Offset : f.Offset+f.Size()])
		strange = strange || !same(&f.Header, &e.head) || (cfg.BitRate != 0 && f.BitRate != cfg.BitRate)
		count++
	})
	first, ok := ParseHeader(b[min(s.Tag, len(b)):])
	switch {
	case s.Tag != cfg.TagRoom || !ok || s.Audio != s.Tag+first.Size() || s.Audio != len(e.Header(nil, codec.Tags{})): // Finish lays one over it
		return nil, 0, 0, fmt.Errorf("mp3: cannot continue: the file does not begin with %d bytes of tags and an Info frame of ours", cfg.TagRoom)
	case strange:
		return nil, 0, 0, fmt.Errorf("mp3: cannot continue: the file was made with another configuration than %+v", cfg)
	case count > 0 && s.Faults > 0 && (s.Faults > 1 || s.Fault[0].Offset != s.End): // half a frame at the end is none
		return nil, 0, 0, fmt.Errorf("mp3: cannot continue: the file is damaged %v", s.Fault[0])
	}
	samples = int64(count) * int64(e.head.Samples())
	e.samples = samples
	e.index.granules = int64(count * e.head.Version.granules())
	if cfg.BitRate != 0 {
		e.rate.padding = count * (e.head.Samples() / 8 * 1000 * cfg.BitRate % cfg.Rate) % cfg.Rate
	}
	return e, s.End, samples, nil
}

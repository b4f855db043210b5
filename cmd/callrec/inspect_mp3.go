package main

import (
	"fmt"
	"io"
	"strings"

	"callrec/codec/mp3"
)

// inspectMP3 reads an MP3 file whole, or as much of it as may be held.
func inspectMP3(r *report, f io.ReaderAt, most int64) {
	b := make([]byte, min(r.Bytes, most))
	n, err := io.ReadFull(io.NewSectionReader(f, 0, int64(len(b))), b)
	if err != nil {
		r.fault(int64(n), "the file cannot be read on: %v", err)
	}
	b = b[:n]
	part := r.Bytes > most
	if part {
		r.note("only the first %s of %s bytes are looked at", thousands(n), thousands(int(r.Bytes)))
	}
	r.Format = "mp3"
	r.tags(mp3.ReadTags(b))
	s := mp3.Walk(b, nil)
	r.stream(&s)
	cut := s.Open
	for _, x := range s.Fault {
		var told, there int
		_, err := fmt.Sscanf(x.What, "the tag tells of %d frames, there are %d", &told, &there)
		fewer, ends := err == nil && there < told, strings.HasPrefix(x.What, "the file ends")
		if part && (strings.HasPrefix(x.What, "the tag tells") || ends) {
			s.Faults-- // what is not looked at is not missing
			continue
		}
		cut = cut || fewer || ends
		if ends && s.Frames > 0 {
			x.What = fmt.Sprintf("the file is cut off within a frame, after %s whole ones", thousands(s.Frames))
		}
		r.Damage = append(r.Damage, fault{int64(x.Offset), x.What})
	}
	r.Faults += s.Faults
	if s.Open {
		r.fault(int64(s.Tag), "the recording was not finished: its Info tag counts no frames yet")
	}
	if s.Frames > 0 {
		if cut && s.Info {
			r.Samples = cutLength(&s)
		}
		r.decode(b, &s)
		r.mend(&s, cut)
	}
	r.finish()
}

// decoderDelay is the decoder's part of the delay in samples, which the Info tag
// leaves for players to add.
const decoderDelay = 529

// cutLength is how many samples a file plays whose end is missing, and with it
// the padding.
func cutLength(s *mp3.Stream) int64 {
	return max(0, int64(s.Frames)*int64(s.Header.Samples())-int64(s.Delay)-decoderDelay)
}

// stream is what the frames tell.
func (r *report) stream(s *mp3.Stream) {
	h := &s.Header
	r.Encoding = "Layer III"
	if s.Frames == 0 {
		return
	}
	r.Encoding = h.Version.String() + " Layer III"
	r.Rate, r.Channels = h.Rate, h.Channels
	r.Mode = [4]string{"stereo", "joint stereo", "two channels", "mono"}[h.Mode]
	r.VBR, r.BitRate = s.VBR, float64(h.BitRate)
	if s.VBR {
		r.BitRate = float64(s.BitRate)
	}
	r.Samples = s.Samples
	switch {
	case s.Info && !s.Open:
		r.Delay, r.Padding = &s.Delay, &s.Padding
	case !s.Info && s.Audio == s.Tag:
		r.note("no Info tag: the length is that of all frames, with the encoder's delay and padding")
	case !s.Info:
		r.note("the Info tag tells no delay and padding: the length is that of all frames")
	}
}

// decode measures the loudness of what a player plays, and finds what frames
// alone do not show.
func (r *report) decode(b []byte, s *mp3.Stream) {
	channels := s.Header.Channels
	m := newMeter(channels, s.Header.Rate)
	granules, missing := 0, 0
	skip, left := int64(0), r.Samples
	if s.Info {
		skip = int64(s.Delay) + decoderDelay
	}
	faults, first := mp3.Decode(b, func(g mp3.Granule) {
		granules++
		if !g.Whole {
			missing++
		}
		for i, x := range g.PCM[0] {
			if skip > 0 {
				skip--
				continue
			}
			if left == 0 {
				return
			}
			left--
			m.add(x)
			if channels == 2 {
				if g.PCM[1] != nil { // else a stray frame is mono
					x = g.PCM[1][i]
				}
				m.add(x)
			}
		}
	})
	for _, x := range first {
		r.Damage = append(r.Damage, fault{int64(x.Offset), x.What})
	}
	r.Faults += faults
	if missing > 0 {
		r.note("%s of %s granules cannot be decoded, because of damage or of data before the file's start", thousands(missing), thousands(granules))
	}
	r.loud(m.loudness())
}

// mend says what can be done about damage.
func (r *report) mend(s *mp3.Stream, cut bool) {
	switch {
	case r.Faults == 0:
	case cut && s.Audio > s.Tag:
		r.Remedy = fmt.Sprintf("%s can be played, up to byte %s; a worker repairs the file when it starts, if it is in its spool",
			r.length(r.Samples), thousands(s.End))
	default:
		r.Remedy = "players leave out what they cannot decode and play the rest; deliver the file again if it was whole in the spool"
	}
}

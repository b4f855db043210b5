package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// take shows what the demo is about: the files, and what is in them.
func (s *screen) take(d *demo, t take, v verdict) {
	s.line("")
	s.files(t)
	s.speech(v)
	s.quality(t)
	s.request(t)
	s.line("%s both parties are in the file as they were sent,", s.styled(green, "Every sample accounted for:"))
	s.line("%s samples each, at the time when they were sent, and silence around them.", thousands(v.sent))
	if d.format == "wav" {
		s.line("The mono file is their sum. Nothing is left running.")
	} else {
		s.line("Nothing is left running.")
	}
	s.line("\nNext: %s", s.styled(bold, "callrec serve --help"))
}

// files lists what arrived, in the order of the recordings.
func (s *screen) files(t take) {
	for i, r := range t.recordings {
		a, ok := t.arrival(r)
		if !ok {
			continue
		}
		name := a.file
		if i == 0 {
			s.title("The file that arrived")
		} else {
			s.title("Beside it, with the parties apart")
			name = filepath.Base(name)
		}
		s.line("  %s", name) // whole, whatever the width: it is there to be copied
		content := "both parties mixed"
		if r.Channels == "stereo" {
			content = "caller left, callee right"
		}
		s.line("  %s %s, %d Hz, %.3f s, %s bytes: %s\n", strings.ToUpper(r.Format), r.Channels, r.Rate,
			(time.Duration(r.DurationMS) * time.Millisecond).Seconds(), thousands(int(a.length)), content)
	}
}

// arrival is how a recording came to the receiver.
func (t *take) arrival(r recordingAnswer) (arrival, bool) {
	i := slices.IndexFunc(t.arrivals, func(a arrival) bool { return a.id == r.ID })
	if i < 0 {
		return arrival{}, false
	}
	return t.arrivals[i], true
}

// speech draws the parties and says how loud they are.
func (s *screen) speech(v verdict) {
	steps := blockSteps
	if !s.utf8 {
		steps = asciiSteps
	}
	columns := s.width - len("  caller  ") - 2
	for i, row := range waveform(v.legs, columns, steps) {
		s.line("  %s  %s", s.styled(faint, parties[i]), strings.TrimRight(row, " "))
	}
	s.line("          %s", s.styled(faint, ruler(columns, v.length)))
	for i, pcm := range v.legs {
		l := measure(pcm)
		s.line("  %s  speaks for %.1f s at %.1f dBFS RMS, peak %.1f dBFS", s.styled(faint, parties[i]), l.speaks.Seconds(), l.active, l.peak)
	}
	s.line("")
}

// ruler is a line of seconds under so many columns.
func ruler(columns int, length time.Duration) string {
	var b strings.Builder
	for second := 0; ; second++ {
		at := int(float64(columns) * float64(second) / length.Seconds())
		mark := fmt.Sprintf("|%d s", second)
		if at+len(mark) > columns {
			return b.String()
		}
		if at < b.Len() { // no room
			continue
		}
		b.WriteString(strings.Repeat(" ", at-b.Len()) + mark)
	}
}

// quality is the worker's own record of how the recording went. Ten seconds are
// short for a drift, so it gets no decimals.
func (s *screen) quality(t take) {
	q := t.recordings[0].Quality
	s.title("Quality record")
	s.line("  %s", s.styled(faint, "        packets   lost   late   duplicate   reordered     jitter       drift"))
	for i, l := range q.Legs {
		s.line("  %s  %7d  %5d  %5d  %10d  %10d  %6.2f ms  %+6.0f ppm",
			s.styled(faint, parties[i]), l.Packets, l.Lost, l.Late, l.Duplicate, l.Reordered, l.JitterMS, l.DriftPPM)
	}
	s.line("  clipped samples in the mix: %d; silence for want of disk: %.0f ms\n", q.Clipped, q.LostToDisk)
}

// request is how the file came.
func (s *screen) request(t take) {
	a, ok := t.arrival(t.recordings[0])
	if !ok {
		return
	}
	s.title("What the receiver was sent")
	s.wrapped("  ", a.line, "?&")
	s.line("  Content-Length: %d", a.length)
	s.line("  Repr-Digest: %s", a.digest)
	s.line("  %s\n", s.styled(faint, "201 Created: the length and the digest are those of what came"))
}

// thousands groups digits.
func thousands(n int) string {
	t := fmt.Sprint(n)
	for i := len(t) - 3; i > 0; i -= 3 {
		t = t[:i] + "," + t[i:]
	}
	return t
}

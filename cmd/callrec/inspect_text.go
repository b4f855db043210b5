package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"callrec/recording"
)

// lines writes a report as text: a path, and under it lines of a name and what
// there is to say.
type lines struct {
	strings.Builder
	last string
}

func (l *lines) line(name, format string, args ...any) {
	if name == l.last {
		name = ""
	} else {
		l.last = name
	}
	_, _ = fmt.Fprintf(l, "  %-10s %s\n", name, fmt.Sprintf(format, args...))
}

// tag writes a line of a text that somebody else wrote.
func (l *lines) tag(name, text string) {
	if text != "" {
		l.line(name, "%s", printable(text))
	}
}

// printable takes out what could move the cursor or colour the screen.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '\ufffd'
	}, s)
}

func (r *report) text() string {
	var l lines
	l.WriteString(printable(r.Path) + "\n")
	if r.Format != "" {
		r.sizes(&l)
		r.heard(&l)
		if r.Delay != nil {
			l.line("encoder", "delay %s, padding %s samples", thousands(*r.Delay), thousands(*r.Padding))
		}
		r.labels(&l)
	}
	for _, n := range r.Notes {
		l.line("note", "%s", n)
	}
	switch {
	case r.Error != "":
		l.line("error", "%s", printable(r.Error))
	case r.Faults == 0:
		l.line("damage", "no damage found")
	default:
		r.damage(&l)
	}
	return l.String()
}

func (r *report) sizes(l *lines) {
	parts := []string{strings.ToUpper(r.Format) + " " + r.Encoding}
	if r.Rate > 0 {
		parts = append(parts, fmt.Sprintf("%d Hz", r.Rate), r.Mode)
	}
	switch {
	case r.VBR:
		parts = append(parts, fmt.Sprintf("%.4g kbit/s on average (VBR)", r.BitRate))
	case r.Format == "mp3" && r.BitRate > 0:
		parts = append(parts, fmt.Sprintf("%.4g kbit/s (CBR)", r.BitRate))
	case r.BitRate > 0:
		parts = append(parts, fmt.Sprintf("%.6g kbit/s", r.BitRate))
	}
	l.line("format", "%s", strings.Join(parts, ", "))
	l.line("length", "%s (%s samples), %s bytes", r.length(r.Samples), thousands(int(r.Samples)), thousands(int(r.Bytes)))
}

func (r *report) heard(l *lines) {
	for _, c := range r.Loudness {
		said := "silence"
		if c.Active != nil {
			said = fmt.Sprintf("speaks for %.1f s at %.1f dBFS RMS", c.Speaks, *c.Active)
		}
		if c.Peak != nil {
			said += fmt.Sprintf(", peak %.1f dBFS", *c.Peak)
		}
		l.line(c.Channel, "%s", said)
	}
}

func (r *report) labels(l *lines) {
	if r.Tags == nil {
		return
	}
	l.tag("title", r.Tags.Title)
	l.tag("date", r.Tags.Date)
	l.tag("call id", r.Tags.CallID)
	l.tag("from", r.Tags.From)
	l.tag("to", r.Tags.To)
	l.tag("comment", r.Tags.Comment)
	q, ok := qualityOf(r.Tags.Quality)
	if !ok {
		return
	}
	for i, leg := range q.Legs {
		if leg.NoMedia {
			l.line("quality", "%s  no media came", parties[i])
			continue
		}
		l.line("quality", "%s  %s packets, %d lost, %d late, %d duplicate, %d reordered; jitter %.2f ms, drift %+.1f ppm",
			parties[i], thousands(int(leg.Packets)), leg.Lost, leg.Late, leg.Duplicate, leg.Reordered, leg.JitterMS, leg.DriftPPM)
		if more := oddities(&leg); more != "" {
			l.line("quality", "        %s", more)
		}
	}
	l.line("quality", "clipped samples in the mix: %d; silence for want of disk: %.0f ms", q.Clipped, q.LostToDisk)
}

// oddities are the counts of a leg that are 0 on most, in words.
func oddities(leg *recording.LegQuality) string {
	var said []string
	for _, c := range []struct {
		n    float64
		what string
	}{
		{leg.ConcealedMS, "%.0f ms concealed"},
		{leg.CorrectedMS, "moved by %+.1f ms after its clock"},
		{float64(leg.Digits), "%.0f digits"},
		{float64(leg.SSRCChanges), "%.0f changes of stream"},
		{float64(leg.Foreign), "%.0f of another source dropped"},
		{float64(leg.Ignored), "%.0f not understood"},
	} {
		if c.n != 0 {
			said = append(said, fmt.Sprintf(c.what, c.n))
		}
	}
	return strings.Join(said, ", ")
}

func (r *report) damage(l *lines) {
	what := "1 fault"
	if r.Faults > 1 {
		what = thousands(r.Faults) + " faults"
	}
	if r.Faults > len(r.Damage) {
		what += fmt.Sprintf("; the first %d are", len(r.Damage))
	}
	l.line("damage", "%s", what)
	for _, f := range r.Damage {
		l.line("damage", "at byte %s: %s", thousands(int(f.Offset)), f.What)
	}
	if r.Remedy != "" {
		l.line("remedy", "%s", r.Remedy)
	}
}

// qualityOf reads a quality record; other comments are none.
func qualityOf(b []byte) (q recording.Quality, ok bool) {
	if len(b) == 0 || b[0] != '{' {
		return q, false
	}
	var keys map[string]json.RawMessage
	if json.Unmarshal(b, &keys) != nil || keys["legs"] == nil {
		return q, false
	}
	return q, json.Unmarshal(b, &q) == nil
}

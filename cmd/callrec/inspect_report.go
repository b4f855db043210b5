package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"callrec/codec"
)

// report is what is known of one file. Its names in JSON are kept as they are.
type report struct {
	Path     string `json:"path"`
	Bytes    int64  `json:"bytes"`
	Format   string `json:"format,omitempty"`   // wav, mp3
	Encoding string `json:"encoding,omitempty"` // PCM 16 bit, MPEG-2 Layer III

	Rate     int     `json:"rate,omitempty"`
	Channels int     `json:"channels,omitempty"`
	Mode     string  `json:"channel_mode,omitempty"` // mono, stereo, joint stereo, 4 channels
	BitRate  float64 `json:"bit_rate,omitempty"`     // kbit/s; the mean if it varies
	VBR      bool    `json:"vbr,omitempty"`

	Samples int64   `json:"samples"` // of each channel
	Seconds float64 `json:"seconds"`
	Delay   *int    `json:"encoder_delay,omitempty"` // samples, as the tag has them
	Padding *int    `json:"padding,omitempty"`

	Loudness []channelLoudness `json:"loudness,omitempty"`
	Tags     *tagsReport       `json:"tags,omitempty"`
	Notes    []string          `json:"notes,omitempty"`

	Faults int     `json:"faults"` // how many
	Damage []fault `json:"damage"` // the first of them
	Remedy string  `json:"remedy,omitempty"`
	Error  string  `json:"error,omitempty"`
}

// channelLoudness is how loud a channel is; null stands for silence.
type channelLoudness struct {
	Channel string   `json:"channel"`
	Speaks  float64  `json:"speaks_seconds"`
	Active  *float64 `json:"active_dbfs"`
	Peak    *float64 `json:"peak_dbfs"`
}

type tagsReport struct {
	Title   string          `json:"title,omitempty"`
	Date    string          `json:"date,omitempty"`
	CallID  string          `json:"call_id,omitempty"`
	From    string          `json:"from,omitempty"`
	To      string          `json:"to,omitempty"`
	Comment string          `json:"comment,omitempty"`
	Quality json.RawMessage `json:"quality,omitempty"` // in place of the comment
}

// fault is damage at a byte of the file.
type fault struct {
	Offset int64  `json:"offset"`
	What   string `json:"what"`
}

// mostFaults is how many faults are listed; the others are counted.
const mostFaults = 16

func (r *report) sound() bool { return r.Faults == 0 && r.Error == "" }

func (r *report) fail(err error) *report {
	r.Error = err.Error()
	r.Damage = []fault{}
	return r
}

func (r *report) fault(at int64, format string, args ...any) {
	r.Faults++
	r.Damage = append(r.Damage, fault{at, fmt.Sprintf(format, args...)})
}

func (r *report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// finish puts faults in order and says how long the file is.
func (r *report) finish() {
	slices.SortStableFunc(r.Damage, func(a, b fault) int { return cmp.Compare(a.Offset, b.Offset) })
	if r.Damage = r.Damage[:min(len(r.Damage), mostFaults)]; r.Damage == nil {
		r.Damage = []fault{}
	}
	if r.Rate > 0 {
		r.Seconds = math.Round(float64(r.Samples)/float64(r.Rate)*1e6) / 1e6
	}
}

// length is the time that so many samples take.
func (r *report) length(samples int64) string {
	if r.Rate == 0 {
		return "0:00:00.000"
	}
	rate := int64(r.Rate)
	ms := samples/rate*1000 + (samples%rate*1000+rate/2)/rate
	return fmt.Sprintf("%d:%02d:%02d.%03d", ms/3600000, ms/60000%60, ms/1000%60, ms%1000)
}

// loud adds what was measured of each channel.
func (r *report) loud(all []loudness) {
	for i, l := range all {
		speaks := math.Round(l.speaks.Seconds()*1000) / 1000
		r.Loudness = append(r.Loudness, channelLoudness{r.channel(i), speaks, finite(l.active), finite(l.peak)})
	}
}

// channel names a channel as the recordings of a call use it.
func (r *report) channel(i int) string {
	switch r.Channels {
	case 1:
		return "mono"
	case 2:
		return []string{"left", "right"}[i]
	}
	return fmt.Sprintf("channel %d", i+1)
}

func finite(v float64) *float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	v = math.Round(v*100) / 100
	return &v
}

// tags takes the quality record out of the comment, where it is one.
func (r *report) tags(t codec.Tags) {
	if t == (codec.Tags{}) {
		return
	}
	r.Tags = &tagsReport{Title: t.Title, Date: t.Date, CallID: t.CallID, From: t.From, To: t.To, Comment: t.Comment}
	if _, ok := qualityOf([]byte(t.Comment)); ok {
		r.Tags.Comment, r.Tags.Quality = "", json.RawMessage(t.Comment)
	}
}

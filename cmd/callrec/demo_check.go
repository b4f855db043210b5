package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"
)

// verdict is what the stereo file turned out to hold.
type verdict struct {
	legs   [2][]int16 // as they are in the file
	at     [2]int     // where what was sent begins in them
	sent   int        // samples of each leg
	length time.Duration
}

// check accounts for every sample of every file: in the stereo one each party's
// channel is what was sent, at the time when it was sent, with silence around
// it; the mono one, where its format keeps samples, is their sum.
func (d *demo) check(t take) (v verdict, err error) {
	var mono, stereo *wavFile
	for _, a := range t.arrivals {
		i := slices.IndexFunc(t.recordings, func(r recordingAnswer) bool { return r.ID == a.id })
		if i < 0 {
			return v, fmt.Errorf("%s came for a recording that does not exist", a.file)
		}
		if t.recordings[i].Format != "wav" {
			continue
		}
		f, err := readWAV(a.file)
		if err != nil {
			return v, err
		}
		if f.channels == 2 {
			stereo = f
		} else {
			mono = f
		}
	}
	if stereo == nil || (mono == nil) == (d.format == "wav") {
		return v, fmt.Errorf("%d files came, not one of each kind", len(t.arrivals))
	}
	for i := range v.legs {
		v.legs[i] = stereo.channel(i)
		sent := decoded(d.speech[i])
		v.sent = len(sent)
		if v.at[i], err = find(v.legs[i], sent); err != nil {
			return v, fmt.Errorf("the %s's channel: %w", parties[i], err)
		}
		if err := t.placed(i, v.at[i]); err != nil {
			return v, err
		}
	}
	if v.length, err = t.lasted(len(v.legs[0])); err != nil {
		return v, err
	}
	if mono != nil {
		err = isSum(mono.samples, v.legs)
	}
	return v, err
}

// slack is what our clock readings and the worker's may differ by: they are of
// the same clock, but not of the same instant.
const slack = 5 * time.Millisecond

// lasted compares a file's length with the time from the bridge to the hang-up.
func (t *take) lasted(samples int) (time.Duration, error) {
	length := time.Duration(samples) * time.Second / telephony
	least, most := t.hangup.from.Sub(t.bridge.to)-slack, t.hangup.to.Sub(t.bridge.from)+slack
	if length < least || length > most {
		return length, fmt.Errorf("the file lasts %v, from the bridge to the hang-up it was %v to %v", length, least, most)
	}
	return length, nil
}

// placed compares where a leg begins in the file with when it was sent.
func (t *take) placed(leg, at int) error {
	begins := time.Duration(at) * time.Second / telephony
	least, most := t.talk.first[leg].from.Sub(t.bridge.to)-slack, t.talk.first[leg].to.Sub(t.bridge.from)+slack
	if begins < least || begins > most {
		return fmt.Errorf("the %s begins %v into the file, was sent %v to %v after the bridge", parties[leg], begins, least, most)
	}
	return nil
}

// find returns where sent lies in a channel that is silent otherwise. When it is
// not there whole, the error says what is missing, as well as can be told.
func find(channel, sent []int16) (at int, err error) {
	loud := func(s int16) bool { return s != 0 }
	first, has := slices.IndexFunc(sent, loud), slices.IndexFunc(channel, loud)
	if first < 0 {
		return 0, errors.New("nothing but silence was sent")
	}
	if has < 0 {
		return 0, errors.New("nothing but silence arrived")
	}
	at = has - first
	if at < 0 || at+len(sent) > len(channel) {
		return at, fmt.Errorf("%d samples were sent, and from where they seem to begin (%d) the file has %d", len(sent), at, len(channel)-at)
	}
	wrong, where := 0, 0
	for i, s := range channel {
		want := int16(0)
		if i >= at && i < at+len(sent) {
			want = sent[i-at]
		}
		if s != want {
			if wrong == 0 {
				where = i
			}
			wrong++
		}
	}
	if wrong > 0 {
		return at, fmt.Errorf("%d of %d samples differ from what was sent, the first at %.3f s", wrong, len(channel), float64(where)/telephony)
	}
	return at, nil
}

// isSum checks the mix: the sum of both, held at the ends of the scale.
func isSum(mono []int16, legs [2][]int16) error {
	if len(mono) != len(legs[0]) {
		return fmt.Errorf("the mono file has %d samples, the stereo one %d", len(mono), len(legs[0]))
	}
	for i, s := range mono {
		sum := int(legs[0][i]) + int(legs[1][i])
		if int(s) != max(math.MinInt16, min(math.MaxInt16, sum)) {
			return fmt.Errorf("the mix is not the sum of the parties at %.3f s", float64(i)/telephony)
		}
	}
	return nil
}

// wavFile is a file of 16-bit PCM.
type wavFile struct {
	rate, channels int
	samples        []int16 // interleaved
}

// readWAV reads it chunk by chunk. It is stricter than a player: sizes that do
// not fit the file are an error, since this is a check of our own files.
func readWAV(name string) (*wavFile, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" || int(le.Uint32(b[4:])) != len(b)-8 {
		return nil, fmt.Errorf("%s is no WAV file of its length", name)
	}
	f := &wavFile{}
	for b = b[12:]; len(b) >= 8; {
		id, size := string(b[:4]), int(le.Uint32(b[4:]))
		if size > len(b)-8 {
			return nil, fmt.Errorf("the chunk %q of %s is longer than the file", id, name)
		}
		chunk := b[8 : 8+size]
		switch id {
		case "fmt ":
			if size < 16 || le.Uint16(chunk) != 1 || le.Uint16(chunk[14:]) != 16 {
				return nil, fmt.Errorf("%s is not 16-bit PCM", name)
			}
			f.channels, f.rate = int(le.Uint16(chunk[2:])), int(le.Uint32(chunk[4:]))
		case "data":
			f.samples = make([]int16, size/2)
			for i := range f.samples {
				f.samples[i] = int16(le.Uint16(chunk[2*i:]))
			}
		}
		b = b[min(8+size+size%2, len(b)):]
	}
	if f.rate != telephony || f.channels < 1 || f.channels > 2 || len(f.samples)%f.channels != 0 {
		return nil, fmt.Errorf("%s has %d channels at %d Hz and %d samples", name, f.channels, f.rate, len(f.samples))
	}
	return f, nil
}

// channel is every sample of one channel.
func (f *wavFile) channel(i int) []int16 {
	out := make([]int16, 0, len(f.samples)/f.channels)
	for ; i < len(f.samples); i += f.channels {
		out = append(out, f.samples[i])
	}
	return out
}

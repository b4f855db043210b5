// Package resample owns the change of sample rate: 16-bit PCM at one rate of
// Rates in, 16-bit PCM at another out, mono or interleaved stereo, streaming.
// The recording pipeline calls it between the mixer and the encoder. It also
// owns the Warp, which reads a leg whose clock drifts at the rate of ours; what
// puts a leg on the timeline calls it.
//
// The filter of a Resampler is one linear-phase low-pass, scaled by the lower of the two
// rates r: flat within 0.0001 dB to 0.425 r (3.4 kHz at r = 8 kHz), -0.06 dB at
// 0.45 r, images and aliases below -100 dB from 0.575 r on. Its delay is taken
// out: input sample n comes out at n·To/From.
//
// All arithmetic on samples is on integers and exact up to one rounding at the
// end, so the output depends neither on how the input was cut into blocks nor
// on the machine.
package resample

import (
	"fmt"
	"slices"
)

// chunk is how many input frames pass through the history at a time: enough to
// make carrying the tail over cheap, small enough to stay in the L1 cache.
const chunk = 512

// scratchLen is how many output frames of one stereo channel are made before
// they are interleaved.
const scratchLen = 256

// Config says what a Resampler does.
type Config struct {
	From     int // input rate in Hz, one of Rates
	To       int // output rate in Hz, one of Rates; From itself copies
	Channels int // 1, or 2 for interleaved stereo

	// Filter, when set, is the filter to use, made by NewFilter for the same
	// rates. Nil makes New design one: 6 µs from 8 to 16 kHz, where the ratio is
	// small, but a millisecond or so to and from the 11.025 kHz family. A caller
	// with many streams makes each Filter once.
	Filter *Filter
}

// Resampler converts one stream. It belongs to one goroutine. Beside its Filter
// it holds 1 to 4 KB.
type Resampler struct {
	filter   *Filter
	channels int

	// hist[c] holds input of channel c; its first sample is the first one that
	// the filter sees for the next output. fill counts the valid samples.
	hist [2][]int16
	fill int
	row  int // row of the filter for the next output

	scratch [2][]int16 // stereo only
}

// New makes a Resampler at the start of a stream. It refuses rates that are
// not in Rates, channels other than 1 and 2, and a Filter for other rates.
func New(c Config) (*Resampler, error) {
	if c.Channels != 1 && c.Channels != 2 {
		return nil, fmt.Errorf("resample: %d channels: use 1 (mono) or 2 (interleaved stereo)", c.Channels)
	}
	f := c.Filter
	if f == nil {
		var err error
		if f, err = NewFilter(c.From, c.To); err != nil {
			return nil, err
		}
	}
	if f.from != c.From || f.to != c.To {
		return nil, fmt.Errorf("resample: filter is for %d → %d Hz, the stream is %d → %d Hz: use NewFilter(%d, %d)",
			f.from, f.to, c.From, c.To, c.From, c.To)
	}
	r := &Resampler{filter: f, channels: c.Channels}
	for c := range r.channels {
		r.hist[c] = make([]int16, f.length+chunk)
		if r.channels == 2 {
			r.scratch[c] = make([]int16, scratchLen)
		}
	}
	r.reset()
	return r, nil
}

// Append resamples src, of any length, and appends the output that is ready to
// dst. Stereo comes in whole frames, left first; half a frame at the end of src
// is dropped. Output lags input by half the filter (24 input frames upwards, 24
// output frames downwards); the rest is kept for the next call. dst and src
// must not overlap. It allocates only when dst lacks the room.
func (r *Resampler) Append(dst, src []int16) []int16 {
	for len(src) >= r.channels {
		n := min(len(src)/r.channels, len(r.hist[0])-r.fill)
		r.stage(src[:n*r.channels])
		src = src[n*r.channels:]
		dst = r.drain(dst)
	}
	return dst
}

// Finish appends what is still held, which makes the output of the whole
// stream OutLen(From, To, input frames) frames long. The Resampler is then at
// the start of a new stream.
func (r *Resampler) Finish(dst []int16) []int16 {
	// Silence after the end moves the last input sample to the middle of the
	// filter, and with it every output before the end of the input.
	for left := r.filter.length / 2; left > 0; {
		n := min(left, len(r.hist[0])-r.fill)
		for c := range r.channels {
			clear(r.hist[c][r.fill : r.fill+n])
		}
		r.fill += n
		left -= n
		dst = r.drain(dst)
	}
	r.reset()
	return dst
}

// OutLen returns how many frames n input frames become: the output instants
// k/to, k = 0, 1, …, that lie before n/from, which is n·to/from rounded up.
// from and to are positive, n is not negative.
func OutLen(from, to, n int) int {
	return int((int64(n)*int64(to) + int64(from) - 1) / int64(from))
}

// reset puts the first input sample into the middle of the filter.
func (r *Resampler) reset() {
	r.row = 0
	r.fill = r.filter.length/2 - 1
	for c := range r.channels {
		clear(r.hist[c][:r.fill])
	}
}

// stage copies src, whole frames that fit, to the end of the history.
func (r *Resampler) stage(src []int16) {
	if r.channels == 1 {
		r.fill += copy(r.hist[0][r.fill:], src)
		return
	}
	n := len(src) / 2
	left, right := r.hist[0][r.fill:r.fill+n], r.hist[1][r.fill:r.fill+n]
	for i := range left {
		left[i] = src[2*i]
		right[i] = src[2*i+1]
	}
	r.fill += n
}

// drain appends every output frame that the history allows, and moves what is
// still needed of it to the front.
func (r *Resampler) drain(dst []int16) []int16 {
	n := r.filter.ready(r.row, r.fill)
	if n == 0 {
		return dst
	}
	at := len(dst)
	dst = slices.Grow(dst, n*r.channels)[:at+n*r.channels]
	if r.channels == 1 {
		r.filter.convolve(dst[at:], r.hist[0][:r.fill], r.row)
	} else {
		r.convolveStereo(dst[at:])
	}
	used := r.filter.advance(r.row, n)
	for c := range r.channels {
		copy(r.hist[c], r.hist[c][used:r.fill])
	}
	r.fill -= used
	r.row = (r.row + n) % r.filter.rows
	return dst
}

// convolveStereo fills dst with interleaved output from both histories.
func (r *Resampler) convolveStereo(dst []int16) {
	row, from := r.row, 0
	for len(dst) > 0 {
		n := min(len(dst)/2, scratchLen)
		left, right := r.scratch[0][:n], r.scratch[1][:n]
		r.filter.convolve(left, r.hist[0][from:r.fill], row)
		r.filter.convolve(right, r.hist[1][from:r.fill], row)
		for i := range left {
			dst[2*i] = left[i]
			dst[2*i+1] = right[i]
		}
		from += r.filter.advance(row, n)
		row = (row + n) % r.filter.rows
		dst = dst[2*n:]
	}
}

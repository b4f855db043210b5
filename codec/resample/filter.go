package resample

import (
	"fmt"
	"slices"
)

// Rates lists the allowed sample rates in Hz, ascending: those of MP3.
func Rates() []int { return slices.Clone(rates[:]) }

var rates = [...]int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}

// Filter is the filter bank of one pair of rates. It never changes, so any
// number of Resamplers on any goroutines may share it. It holds 2 KB from 8 to
// 16 kHz, 170 KB from 8 to 44.1 kHz, and 500 KB between 32 and 11.025 kHz.
//
// With To/From = rows/step in lowest terms, output k lies at input position
// k·step/rows. Row k mod rows holds the taps for that position's fraction, so
// that the rows are used in the order in which they lie in memory.
type Filter struct {
	from, to   int
	rows, step int
	length     int // taps a row, a multiple of tapBlock

	taps  []int32 // rows × length, scaled by 1<<tapBits; each row's sum is exactly 1<<tapBits
	split split   // the same in the layout of the assembly, if that is in use
}

const (
	// tapBits is the scale of the taps. Taps of 16 bits would leave images at
	// -80 dB from 8 to 16 kHz and aliases at -65 dB from 48 to 8; 22 bits cost
	// nothing measurable.
	tapBits = 22

	// tapBlock is how many taps the assembly takes at once.
	tapBlock = 16
)

// NewFilter designs the filter from one rate to another, both in Hz. It
// refuses rates that are not in Rates.
func NewFilter(from, to int) (*Filter, error) {
	for _, rate := range []int{from, to} {
		if !slices.Contains(rates[:], rate) {
			return nil, fmt.Errorf("resample: %d → %d Hz: rate %d is not supported: use one of %v", from, to, rate, rates)
		}
	}
	d := gcd(from, to)
	f := &Filter{from: from, to: to, rows: to / d, step: from / d}
	f.length = tapsPerRow(f.rows, f.step)
	f.taps = make([]int32, f.rows*f.length)
	design(f)
	f.split = newSplit(f)
	return f, nil
}

// phase returns the fraction of row's position, in units of 1/rows.
func (f *Filter) phase(row int) int { return row * f.step % f.rows }

// ready returns how many outputs, the first at row, n input samples allow.
func (f *Filter) ready(row, n int) int {
	if n < f.length {
		return 0
	}
	// Output j begins at sample ⌊(phase + j·step)/rows⌋, which may be at most
	// n-length.
	return ((n-f.length+1)*f.rows - f.phase(row) + f.step - 1) / f.step
}

// advance returns how many input samples n outputs, the first at row, move on.
func (f *Filter) advance(row, n int) int { return (f.phase(row) + n*f.step) / f.rows }

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

package mp3

import (
	"errors"
	"fmt"
	"slices"
)

// Config says what stream to make. The zero value of a field that has one is the
// usual choice.
type Config struct {
	Rate     int // samples a second: one of Rates
	Channels int // 1, or 2 for interleaved stereo

	// BitRate is the constant bit rate in kbit/s: one of BitRates(Rate). It is
	// 0 for variable bit rate.
	BitRate int

	// Quality is that of variable bit rate, from 1 (smallest files) to 9; 0
	// with a BitRate.
	Quality int

	// TagRoom is the length in bytes of the ID3v2 tag that Header writes; 0 for
	// none. 1024 holds what codec.Tags usually carry.
	TagRoom int
}

// Rates are the sampling rates of Layer III.
func Rates() []int {
	return []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}
}

// BitRates are the constant bit rates in kbit/s at a sampling rate, in rising
// order; none if the rate is not one of Rates.
func BitRates(rate int) []int {
	v, _, ok := findRate(rate)
	if !ok {
		return nil
	}
	return slices.Clone(bitRates[v.lsf()][1:])
}

const maxTagRoom = 1 << 20

// check gives every reason why the configuration cannot be used.
func (c *Config) check() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf("mp3: "+format, args...)) }
	if _, _, ok := findRate(c.Rate); !ok {
		refuse("no rate of %d Hz: use one of %v", c.Rate, Rates())
	} else if c.BitRate != 0 && !slices.Contains(BitRates(c.Rate), c.BitRate) {
		refuse("no bit rate of %d kbit/s at %d Hz: use one of %v, or 0 for variable bit rate", c.BitRate, c.Rate, BitRates(c.Rate))
	}
	if c.Channels != 1 && c.Channels != 2 {
		refuse("%d channels: use 1 or 2", c.Channels)
	}
	switch {
	case c.BitRate == 0 && (c.Quality < 1 || c.Quality > 9):
		refuse("quality %d of variable bit rate: use 1 to 9, or set a bit rate", c.Quality)
	case c.BitRate != 0 && c.Quality != 0:
		refuse("both a bit rate (%d) and a quality (%d): use one of them", c.BitRate, c.Quality)
	}
	if c.TagRoom != 0 && (c.TagRoom < id3Least || c.TagRoom > maxTagRoom) {
		refuse("room of %d bytes for tags: use 0 for none, or %d to %d", c.TagRoom, id3Least, maxTagRoom)
	}
	return errors.Join(errs...)
}

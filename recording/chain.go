package recording

import (
	"callrec/capture/clock"
	"callrec/codec"
	"callrec/codec/resample"
)

// chain is what mixed samples of a track go through on the way to the spool.
type chain struct {
	resampler *resample.Resampler // nil when the file has the legs' rate
	encoder   codec.Encoder
}

// filters are the resampling filters from the legs' rate to each other one. They
// are made once, and shared by all.
type filters map[int]*resample.Filter

func newFilters() (filters, error) {
	all := filters{}
	for _, rate := range Rates {
		if rate == clock.Rate {
			continue
		}
		f, err := resample.NewFilter(clock.Rate, rate)
		if err != nil {
			return nil, err
		}
		all[rate] = f
	}
	return all, nil
}

// newChain makes the chain of a spec.
func newChain(sp *Spec, all filters) (c chain, err error) {
	if sp.rate != clock.Rate {
		c.resampler, err = resample.New(resample.Config{
			From: clock.Rate, To: sp.rate, Channels: sp.channels, Filter: all[sp.rate],
		})
		if err != nil {
			return chain{}, err
		}
	}
	c.encoder, err = newEncoder(sp)
	return c, err
}

// append encodes pcm, frames at the legs' rate, and appends the bytes that are
// ready.
func (c *chain) append(dst []byte, pcm []int16, s *scratch) []byte {
	if c.resampler != nil {
		s.resampled = c.resampler.Append(s.resampled[:0], pcm)
		pcm = s.resampled
	}
	return c.encoder.Append(dst, pcm)
}

// finish appends what is still held, and the tags at the end of the file.
func (c *chain) finish(dst []byte, t codec.Tags, s *scratch) []byte {
	if c.resampler != nil {
		s.resampled = c.resampler.Finish(s.resampled[:0])
		dst = c.encoder.Append(dst, s.resampled)
	}
	return c.encoder.Finish(dst, t)
}

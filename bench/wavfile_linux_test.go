package bench

import (
	"bytes"
	order "encoding/binary" // the package has a binary of its own
	"errors"
	"fmt"
	"os"
	"time"
)

// slack is what clocks that are read one after the other may differ by.
const slack = 250 * time.Microsecond

// readWAV reads a file of 8 kHz mono 16-bit PCM. It is the test's own reader, and
// as strict as the first lines of RFC 2361 and the RIFF specification allow.
func readWAV(name string) ([]int16, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	le := order.LittleEndian
	head := make([]byte, 0, 44)
	head = append(head, "RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"...)
	head = le.AppendUint32(head, 8000)
	head = le.AppendUint32(head, 16000)
	head = append(head, "\x02\x00\x10\x00data"...)
	if len(b) < 44 {
		return nil, fmt.Errorf("%d bytes are no WAV file", len(b))
	}
	size, data := int(le.Uint32(b[4:])), int(le.Uint32(b[40:]))
	le.PutUint32(head[4:], uint32(size))
	if !bytes.Equal(b[:40], head) {
		return nil, fmt.Errorf("the header is %q, want %q", b[:40], head)
	}
	if size != len(b)-8 || data%2 != 0 || 44+data > len(b) {
		return nil, fmt.Errorf("a file of %d bytes has the sizes %d and %d", len(b), size, data)
	}
	pcm := make([]int16, data/2)
	for i := range pcm {
		pcm[i] = int16(le.Uint16(b[44+2*i:]))
	}
	return pcm, nil
}

// checkWAV compares a file with the mix that the test makes itself: its length
// with what the API told, the places of the legs with when they were sent, and
// then every sample.
func checkWAV(name string, c *loadCall) error {
	pcm, err := readWAV(name)
	if err != nil {
		return err
	}
	if err := c.checkLength(len(pcm)); err != nil {
		return err
	}
	m := mixture{caller: c.speech[0], callee: c.speech[1], packets: c.sent}
	if err := m.find(pcm); err != nil {
		return err
	}
	if n, first := m.differing(pcm); n > 0 {
		return fmt.Errorf("%d of %d samples differ, the first at %d; the legs begin at %d and %d: %s", n, len(pcm), first, m.at[0], m.at[1], name)
	}
	return c.checkPlaces(m.at)
}

// checkLength: the file is as long as the API says, to its millisecond, and that
// is the time between announcement and hang-up.
func (c *loadCall) checkLength(samples int) error {
	rec := c.ended.Recordings[0]
	if got := int64(samples) / 8; got != rec.DurationMS {
		return fmt.Errorf("the file has %d samples, %d ms; the API says %d ms", samples, got, rec.DurationMS)
	}
	// started is cut to a whole millisecond.
	length := time.Duration(samples) * time.Second / 8000
	least, most := c.hangup[0].Sub(rec.Started)-time.Millisecond-slack, c.hangup[1].Sub(rec.Started)+slack
	if length < least || length > most {
		return fmt.Errorf("the file is %v long; between announcement and hang-up were %v to %v", length, least, most)
	}
	return nil
}

// checkPlaces: each leg begins where it was sent: not before it was due, and
// after that by no more than the most punctual of its first packets. Against
// the other leg that holds without the millisecond that the API cuts off.
func (c *loadCall) checkPlaces(at [2]int) error {
	var errs []error
	for k := range 2 {
		pos := time.Duration(at[k]) * time.Second / 8000
		c.begins[k] = pos - c.due[k].Sub(c.ended.Recordings[0].Started)
		if c.begins[k] < -time.Millisecond-slack || c.begins[k] > c.least[k]+slack {
			errs = append(errs, fmt.Errorf("leg %d begins %v after it was due, want %v to %v", k, c.begins[k], -time.Millisecond, c.least[k]))
		}
	}
	apart := c.begins[1] - c.begins[0]
	if apart < -c.least[0]-slack || apart > c.least[1]+slack {
		errs = append(errs, fmt.Errorf("the legs are %v further apart than they were sent, want %v to %v", apart, -c.least[0], c.least[1]))
	}
	return errors.Join(errs...)
}

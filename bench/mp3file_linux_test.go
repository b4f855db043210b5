package bench

import (
	"bytes"
	order "encoding/binary"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"strings"
	"time"
)

// What a file may differ from its mix. 1,000 files of 15 s came to -7.9 dB and
// less, and their worst spells to 0.2. Half the level comes to -2.8 dB, and a leg
// that is missing or elsewhere, or another call, to -0.8 and more; 100 ms of silence
// shows in the worst spell alone, by 2.3. The bounds lie between. Silence at a word's
// end hides: of all places for it, four of five are found.
const (
	mostNoise  = -6.0 // dB of noise over mask, of the whole file
	worstNoise = 1.0  // and of its worst spell
	around     = 80   // samples at 8 kHz that legs are looked for beyond where they may be
)

// needMP3 says why MP3 files cannot be checked.
func needMP3() string {
	if _, err := exec.LookPath("mpg123"); err != nil {
		return "no mpg123 to decode with: " + err.Error()
	}
	return ""
}

// readMP3 decodes a file of 16 kHz mono, 32 kbit/s, by mpg123, which takes away
// what the encoder has added at both ends. It must find nothing to remark.
func readMP3(name string) ([]int16, error) {
	var said bytes.Buffer
	cmd := exec.Command("mpg123", "--no-resync", "-s", name)
	cmd.Stderr = &said
	b, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("mpg123 %s: %w: %s", name, err, tail(said.String(), 300))
	}
	if !strings.Contains(said.String(), "\nMPEG 2.0 L III cbr32 16000 mono\n") {
		return nil, fmt.Errorf("%s is no MP3 of 16 kHz, 32 kbit/s, mono: %s", name, tail(said.String(), 300))
	}
	for line := range strings.Lines(said.String()) {
		low := strings.ToLower(line)
		for _, bad := range []string{"note:", "warning:", "error:"} {
			if strings.Contains(low, bad) {
				return nil, fmt.Errorf("mpg123 %s: %s", name, strings.TrimSpace(line))
			}
		}
	}
	if len(b)%2 != 0 {
		return nil, fmt.Errorf("mpg123 has made %d bytes of %s", len(b), name)
	}
	pcm := make([]int16, len(b)/2)
	for i := range pcm {
		pcm[i] = int16(order.NativeEndian.Uint16(b[2*i:]))
	}
	return pcm, nil
}

// checkMP3 compares a file with the mix that the test makes itself, as an ear
// does: its length and the places of the legs as those of a WAV file, and then
// the noise that has come in.
func checkMP3(name string, c *loadCall) error {
	pcm, err := readMP3(name)
	if err != nil {
		return err
	}
	if len(pcm)%2 != 0 { // the pipeline has mixed at 8 kHz
		return fmt.Errorf("%s has %d samples", name, len(pcm))
	}
	if err := c.checkLength(len(pcm) / 2); err != nil {
		return err
	}
	got := halve(pcm)
	m := mixture{caller: c.speech[0], callee: c.speech[1], packets: c.sent}
	m.locate(got, c)
	want := make([]float64, len(got))
	for i := range want {
		want[i] = float64(m.sample(i)) / 32768
	}
	c.noise = listener.compare(want, got)
	err = c.checkPlaces(m.at)
	if !(c.noise.total <= mostNoise && c.noise.worst <= worstNoise) {
		err = errors.Join(err, fmt.Errorf("noise over mask is %.1f dB, at worst %.1f; want %.0f and %.0f: %s",
			c.noise.total, c.noise.worst, mostNoise, worstNoise, name))
	}
	return err
}

// locate sets where the legs begin in a file that is not exact: where each agrees
// best with what the other leaves of it, among the places around those where it
// can have been sent.
func (m *mixture) locate(got []float64, c *loadCall) {
	legs := [2][]float64{make([]float64, m.packets*perPacket), make([]float64, (m.packets-calleeWaits)*perPacket)}
	for k, s := range []speech{m.caller, m.callee} {
		for i := range legs[k] {
			legs[k][i] = float64(s.sample(i)) / 32768
		}
	}
	rest := make([]float64, len(got))
	for n, k := range []int{0, 1, 0, 1} {
		copy(rest, got)
		if n > 0 {
			for i, x := range legs[1-k] {
				if at := m.at[1-k] + i; at >= 0 && at < len(rest) {
					rest[at] -= x
				}
			}
		}
		due := c.due[k].Sub(c.ended.Recordings[0].Started)
		from, to := int(due*8000/time.Second)-around, int((due+c.least[k])*8000/time.Second)+around
		if n > 1 { // the second time, close to where the first has found it
			from, to = m.at[k]-2, m.at[k]+2
		}
		best := math.Inf(-1)
		m.at[k] = from
		for at := from; at <= to; at++ {
			lo, hi := max(0, -at), min(len(legs[k]), len(rest)-at)
			if lo >= hi { // the file ends before
				continue
			}
			if sum := dot(legs[k][lo:hi], rest[at+lo:]); sum > best {
				best, m.at[k] = sum, at
			}
		}
	}
}

// dot is the sum of products, in four sums side by side.
func dot(a, b []float64) float64 {
	b = b[:len(a)]
	var s [4]float64
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s[0] += a[i] * b[i]
		s[1] += a[i+1] * b[i+1]
		s[2] += a[i+2] * b[i+2]
		s[3] += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s[0] += a[i] * b[i]
	}
	return s[0] + s[1] + s[2] + s[3]
}

package bench

import (
	endian "encoding/binary" // worker_test.go has a binary of its own
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"callrec/internal/testkit"
)

const (
	frame     = 160 // samples in 20 ms
	frameTime = 20 * time.Millisecond
	sample    = time.Second / 8000
)

// expanded is what each µ-law code word stands for (ITU-T G.711, table 2a, on
// the 16-bit scale), worked out here and not taken from the product: these tests
// are to find its mistakes, not to share them.
var expanded = func() (t [256]int16) {
	for i := range t {
		code := ^byte(i)
		v := (int16(code&15)<<3+132)<<(code>>4&7) - 132
		if code&0x80 != 0 {
			v = -v
		}
		t[i] = v
	}
	return t
}()

// compress is the code word nearest to v.
func compress(v float64) byte {
	low, high := 0x80, 0xFF // these codes fall from the loudest to 0
	for low < high {
		mid := (low + high) / 2
		if float64(expanded[mid]+expanded[mid+1])/2 < math.Abs(v) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	code := byte(low)
	if v < 0 {
		code &= 0x7F
	}
	return code
}

// babble is so many samples of something with the shape of talk: syllables of a
// gliding tone and noise, pauses with faint noise, now and then so loud that two
// parties together overload the mix. No two stretches of it are alike, so there
// is one offset at which it fits.
func babble(seed uint64, samples int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]byte, 0, samples)
	phase := 0.0
	for len(out) < samples {
		n := 800 + r.IntN(8000)
		level := 40.0
		if r.IntN(4) > 0 {
			level = []float64{3000, 12000, 31000}[r.IntN(3)]
		}
		pitch, glide := 90+200*r.Float64(), 0.5+r.Float64()
		for i := range min(n, samples-len(out)) {
			x := float64(i) / float64(n)
			phase += 2 * math.Pi * pitch * (1 + (glide-1)*x) / 8000
			v := 0.6*math.Sin(phase) + 0.5*math.Sin(3.01*phase) + 0.25*(2*r.Float64()-1)
			out = append(out, compress(level*math.Sqrt(math.Sin(math.Pi*x))*v+12*(2*r.Float64()-1)))
		}
	}
	return out
}

// talk is what one party sends under one SSRC.
type talk struct {
	ssrc   uint32
	seq    uint16
	ts     uint32
	octets []byte
	sent   []time.Time // when each packet first left; zero for those that did not
	began  int         // tick of the call at which packet 0 is due
	muted  int         // packets left out so far without a gap in the sequence numbers
	marker bool        // of the next packet
	table  *[256]int16 // what its octets stand for in the file
}

func newTalk(seed uint64, seconds float64) *talk {
	packets := int(seconds * 50)
	r := rand.New(rand.NewPCG(seed, 2))
	return &talk{
		ssrc: r.Uint32(), seq: uint16(r.Uint32()), ts: r.Uint32(),
		octets: babble(seed, packets*frame), sent: make([]time.Time, packets), table: &expanded,
	}
}

func (k *talk) payload(n int) []byte { return k.octets[n*frame : (n+1)*frame] }

// packet is the n-th one.
func (k *talk) packet(n int) []byte {
	h := rtp.Header{SequenceNumber: k.seq + uint16(n-k.muted), Timestamp: k.ts + uint32(n*frame), SSRC: k.ssrc, Marker: k.marker}
	return testkit.AppendRTP(nil, h, k.payload(n))
}

// send sends the n-th packet and notes when.
func (k *talk) send(t testing.TB, from *net.UDPConn, to netip.AddrPort, n int) {
	data := k.packet(n)
	k.marker = false
	now := time.Now()
	if _, err := from.WriteToUDPAddrPort(data, to); err != nil {
		t.Errorf("cannot send: %v", err)
	}
	if k.sent[n].IsZero() {
		k.sent[n] = now
	}
}

// origin is when sample 0 would have left, had all packets left as early as the
// best of the first second did. That is where a recorder can place the talk.
func (k *talk) origin() time.Time {
	var first, best time.Time
	for n, at := range k.sent {
		if at.IsZero() {
			continue
		}
		if first.IsZero() {
			first = at
		}
		if o := at.Add(-time.Duration(n) * frameTime); best.IsZero() || (o.Before(best) && at.Sub(first) <= time.Second) {
			best = o
		}
	}
	return best
}

// lag is how much later than the best packet any other left.
func (k *talk) lag() (worst time.Duration) {
	o := k.origin()
	for n, at := range k.sent {
		if !at.IsZero() {
			worst = max(worst, at.Sub(o.Add(time.Duration(n)*frameTime)))
		}
	}
	return worst
}

// locate finds the offset of the talk in a channel of a file that began at
// started: within slack samples of what the sending times say, the one at which
// the packets [lo, hi) fit best. It returns by how much it is off.
func (k *talk) locate(ch []int16, started time.Time, lo, hi, slack int) (offset, off int) {
	guess := int(math.Round(float64(k.origin().Sub(started)) / float64(sample)))
	least := math.MaxInt
	for d := range 2*slack + 1 {
		d = (d + 1) / 2 * (1 - d%2*2) // 0, -1, 1, -2, 2, …
		wrong := 0
		for n := lo; n < hi && wrong < least; n++ {
			if k.sent[n].IsZero() {
				continue
			}
			for i, o := range k.payload(n) {
				if p := guess + d + n*frame + i; p >= 0 && p < len(ch) && ch[p] != k.table[o] {
					wrong++
				}
			}
		}
		if wrong < least {
			least, offset, off = wrong, guess+d, d
		}
	}
	return offset, off
}

// lay puts the packets [lo, hi) on a channel as a recorder should: at the
// offset, where nothing is yet.
func (k *talk) lay(c *channel, offset, lo, hi int) {
	for n := lo; n < hi; n++ {
		if k.sent[n].IsZero() {
			continue
		}
		for i, o := range k.payload(n) {
			if p := offset + n*frame + i; p >= 0 && p < len(c.pcm) && !c.there[p] {
				c.pcm[p], c.there[p] = k.table[o], true
			}
		}
	}
}

// channel is what one leg of a file should be.
type channel struct {
	pcm   []int16
	there []bool
}

func newChannel(n int) *channel { return &channel{make([]int16, n), make([]bool, n)} }

// sum is the mix of two legs: their sum, as far as 16 bits hold it.
func sum(a, b []int16) []int16 {
	out := make([]int16, len(a))
	for i := range out {
		out[i] = int16(max(math.MinInt16, min(math.MaxInt16, int(a[i])+int(b[i]))))
	}
	return out
}

// wantSame compares every sample.
func wantSame(t testing.TB, what string, got, want []int16) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d samples, want %d", what, len(got), len(want))
		return
	}
	wrong, first, last := 0, -1, 0
	for i := range got {
		if got[i] != want[i] {
			if wrong++; first < 0 {
				first = i
			}
			last = i
		}
	}
	if wrong > 0 {
		t.Errorf("%s: %d of %d samples differ, from %.3f s (%d, want %d) to %.3f s", what, wrong, len(got),
			float64(first)/8000, got[first], want[first], float64(last)/8000)
	}
}

// recorded is a file as it arrived at the storage.
type recorded struct {
	channels int
	pcm      []int16 // interleaved
	Started  time.Time
	Duration int64 `json:"duration_ms"`
	Stopped  bool  `json:"interrupted"`
	Quality  struct{ Legs [2]legQuality }
}

// legQuality is a leg's part of the quality record, as far as tests look at it.
type legQuality struct {
	Packets, Lost, Late, Duplicate, Reordered, Foreign, Ignored, Digits int

	SSRCChanges int     `json:"ssrc_changes"`
	JitterMS    float64 `json:"jitter_ms"`
	DriftPPM    float64 `json:"drift_ppm"`
	CorrectedMS float64 `json:"corrected_ms"`
	ConcealedMS float64 `json:"concealed_ms"`
}

// fetch waits for a recording in the default storage and reads it.
func (w *worker) fetch(id string, within time.Duration) recorded {
	w.t.Helper()
	name := w.stored(id, within)
	b, err := os.ReadFile(name)
	if err != nil {
		w.t.Fatal(err)
	}
	f, err := parseWAV(b)
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	side, err := os.ReadFile(strings.TrimSuffix(name, ".wav") + ".json")
	if err == nil {
		err = json.Unmarshal(side, &f)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if want := int64(len(f.pcm) / f.channels / 8); f.Duration != want {
		w.t.Errorf("%s holds %d ms, the JSON beside it says %d", id, want, f.Duration)
	}
	return f
}

// leg is one channel of a stereo file: 0 is the caller.
func (f *recorded) leg(n int) []int16 {
	out := make([]int16, 0, len(f.pcm)/f.channels)
	for i := n; i < len(f.pcm); i += f.channels {
		out = append(out, f.pcm[i])
	}
	return out
}

// parseWAV reads 16-bit PCM at 8 kHz, and is strict about everything else.
func parseWAV(b []byte) (f recorded, err error) {
	le := endian.LittleEndian
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" || int(le.Uint32(b[4:])) != len(b)-8 {
		return f, fmt.Errorf("no WAV, or of another size than its header says: %d bytes that begin % x", len(b), b[:min(12, len(b))])
	}
	for rest := b[12:]; len(rest) > 0; {
		if len(rest) < 8 || int(le.Uint32(rest[4:])) > len(rest)-8 {
			return f, fmt.Errorf("a chunk is cut short at %d", len(b)-len(rest))
		}
		id, body := string(rest[:4]), rest[8:8+le.Uint32(rest[4:])]
		switch {
		case id == "fmt " && (len(body) < 16 || le.Uint16(body) != 1 || le.Uint32(body[4:]) != 8000 || le.Uint16(body[14:]) != 16):
			return f, fmt.Errorf("format % x", body)
		case id == "fmt ":
			f.channels = int(le.Uint16(body[2:]))
		case id == "data" && (f.channels == 0 || len(body)%(2*f.channels) != 0):
			return f, fmt.Errorf("%d bytes of data for %d channels", len(body), f.channels)
		case id == "data":
			for p := range slices.Chunk(body, 2) {
				f.pcm = append(f.pcm, int16(le.Uint16(p)))
			}
		}
		rest = rest[min(len(rest), 8+len(body)+len(body)%2):]
	}
	if f.pcm == nil {
		return f, fmt.Errorf("no data")
	}
	return f, nil
}

// twoFiles is a callflow that records the call twice: stereo, then mono.
func twoFiles() map[string]any {
	node := func(channels string, children map[string]any) map[string]any {
		return map[string]any{
			"module": "record_call", "children": children,
			"data": map[string]any{"action": "start", "format": "wav", "channels": channels},
		}
	}
	return map[string]any{"flow": node("stereo", map[string]any{"_": node("mono", map[string]any{})})}
}

// port is where a leg of the call is to be sent.
func (c *callData) port(t testing.TB, leg string) netip.AddrPort {
	t.Helper()
	for _, l := range c.Legs {
		if l.Leg == leg {
			return netip.AddrPortFrom(netip.MustParseAddr(l.Address), uint16(l.RTPPort))
		}
	}
	t.Fatalf("no leg %q in %+v", leg, c.Legs)
	return netip.AddrPort{}
}

// udp opens a socket on loopback; port 0 is any.
func udp(t testing.TB, addr string) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// fate is how many datagrams of legs that have ended had it.
func (w *worker) fate(name string) float64 {
	w.t.Helper()
	return w.metric(fmt.Sprintf("callrec_packets_total{fate=%q}", name))
}

// in is the worker with failures going to a subtest.
func (w *worker) in(t testing.TB) *worker {
	c := *w
	c.t = t
	return &c
}

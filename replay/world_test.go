package replay

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"callrec/codec/g711"
	"callrec/policy"
	"callrec/recording"
	"callrec/upload/spool"
)

const (
	ms     = time.Millisecond
	second = time.Second
	rate   = 8000
	size   = 160 // octets of a packet
)

var (
	begin = time.Date(2026, 5, 6, 7, 8, 9, 250_000_000, time.UTC)
	toA   = netip.MustParseAddrPort("192.0.2.20:20000")
	toB   = netip.MustParseAddrPort("192.0.2.20:20002")
	toC   = netip.MustParseAddrPort("192.0.2.20:20004")
	fromA = netip.MustParseAddrPort("198.51.100.7:30010")
	fromB = netip.MustParseAddrPort("198.51.100.8:30020")
)

// sent is one datagram of a capture.
type sent struct {
	at       time.Duration // since begin
	from, to netip.AddrPort
	data     []byte
}

// stream is the RTP of one party: octets from a time on. shape, if there is one,
// moves, drops (nil) or repeats packets.
type stream struct {
	from, to netip.AddrPort
	at       time.Duration
	octets   []byte
	pt       byte
	ssrc     uint32
	seq      uint16
	ts       uint32
	shape    func(i int, p sent) []sent
}

func (s stream) packets() (out []sent) {
	for i := 0; i*size < len(s.octets); i++ {
		b := []byte{0x80, s.pt}
		b = binary.BigEndian.AppendUint16(b, s.seq+uint16(i))
		b = binary.BigEndian.AppendUint32(b, s.ts+uint32(i*size))
		b = binary.BigEndian.AppendUint32(b, s.ssrc)
		b = append(b, s.octets[i*size:min((i+1)*size, len(s.octets))]...)
		p := sent{s.at + time.Duration(i)*20*ms, s.from, s.to, b}
		if s.shape == nil {
			out = append(out, p)
		} else {
			out = append(out, s.shape(i, p)...)
		}
	}
	return out
}

// traffic is what several streams send, in order of time.
func traffic(streams ...stream) (out []sent) {
	for _, s := range streams {
		out = append(out, s.packets()...)
	}
	slices.SortStableFunc(out, func(a, b sent) int { return int(a.at - b.at) })
	return out
}

// capture writes a pcap file of raw IPv4, with times in nanoseconds.
func captureOf(packets []sent) []byte {
	le, be := binary.LittleEndian, binary.BigEndian
	b := []byte{0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0, 0, 0}
	for _, p := range packets {
		n := uint32(28 + len(p.data))
		at := begin.Add(p.at)
		for _, v := range []uint32{uint32(at.Unix()), uint32(at.Nanosecond()), n, n} {
			b = le.AppendUint32(b, v)
		}
		b = append(b, 0x45, 0)
		b = be.AppendUint16(b, uint16(n))
		b = append(b, 0, 0, 0, 0, 64, 17, 0, 0)
		b = append(append(b, p.from.Addr().AsSlice()...), p.to.Addr().AsSlice()...)
		for _, v := range []int{int(p.from.Port()), int(p.to.Port()), 8 + len(p.data), 0} {
			b = be.AppendUint16(b, uint16(v))
		}
		b = append(b, p.data...)
	}
	return b
}

// noise is n octets that are all different from their neighbours.
func noise(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}

func decoded(law g711.Law, octets []byte) []int16 {
	pcm := make([]int16, len(octets))
	g711.Decode(law, pcm, octets)
	return pcm
}

// request is a stereo WAV unless the settings say otherwise.
func request(t *testing.T, s policy.Settings) recording.Request {
	t.Helper()
	if s.Channels == "" {
		s.Channels = "stereo"
	}
	s.Format = "wav"
	spec, err := recording.NewSpec(s, recording.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	return recording.Request{Spec: spec, Origin: "test"}
}

// legsOf finds the legs of a capture.
func legsOf(t *testing.T, file []byte, asked ...netip.AddrPort) Legs {
	t.Helper()
	s, err := Look(bytes.NewReader(file), asked)
	if err != nil {
		t.Fatal(err)
	}
	legs, err := s.Choose()
	if err != nil {
		t.Fatal(err)
	}
	return legs
}

// replayed is what a replay made: the files by the order of the recordings.
type replayed struct {
	Result
	files [][]byte
}

// run replays a capture. The call is announced with its first packet.
func run(t *testing.T, file []byte, legs Legs, start []recording.Request, commands ...Command) replayed {
	t.Helper()
	var mu sync.Mutex
	ready := map[string][]byte{}
	sp, err := spool.Open(spool.Config{Dir: t.TempDir(), Repair: recording.Repair, OnReady: func(r spool.Ready) {
		f, err := r.Open()
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		b, err := io.ReadAll(f)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		ready[r.ID()] = b
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := sp.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	out, err := Run(t.Context(), Config{
		Capture: bytes.NewReader(file), Legs: legs, Spool: sp, Commands: commands,
		Call: recording.CallSpec{ID: recording.CallID{Account: "acc", Call: "c"}, At: legs.Begin(), Start: start},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := replayed{Result: out}
	mu.Lock()
	defer mu.Unlock()
	for _, rec := range out.Call.Recordings {
		r.files = append(r.files, ready[rec.ID])
	}
	return r
}

// channels takes a stereo WAV file apart.
func channels(t *testing.T, b []byte) (legs [2][]int16) {
	t.Helper()
	if len(b) < 44 || string(b[36:40]) != "data" || b[22] != 2 {
		t.Fatalf("no stereo WAV: % x", b[:min(len(b), 44)])
	}
	data := b[44 : 44+binary.LittleEndian.Uint32(b[40:])]
	for i := 0; i < len(data); i += 4 {
		legs[0] = append(legs[0], int16(binary.LittleEndian.Uint16(data[i:])))
		legs[1] = append(legs[1], int16(binary.LittleEndian.Uint16(data[i+2:])))
	}
	return legs
}

// same fails unless two streams are equal.
func same(t *testing.T, what string, got, want []int16) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d samples, want %d", what, len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("%s: differs at %d: got %d, want %d", what, i, got[i], want[i])
			return
		}
	}
}

// placed is octets at a position of a stream of silence.
func placed(n, at int, law g711.Law, octets []byte) []int16 {
	out := make([]int16, n)
	copy(out[at:], decoded(law, octets))
	return out
}

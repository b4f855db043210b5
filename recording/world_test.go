package recording_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"callrec/capture"
	"callrec/capture/capturetest"
	"callrec/codec/g711"
	"callrec/policy"
	"callrec/recording"
	"callrec/upload/spool"
)

const (
	ms     = time.Millisecond
	second = time.Second
	rate   = 8000
)

// world is a worker without sockets, on time that only passes when a test says
// so. Every file the spool announces is taken and kept.
type world struct {
	t     *testing.T
	dir   string
	fake  *capturetest.Fake
	clock capture.Clock
	m     *recording.Manager

	undelivered bool // what is taken stays in the spool

	mu     sync.Mutex
	files  map[string]file // by recording id
	events []recording.Event
}

// file is one recording as the spool gave it.
type file struct {
	manifest spool.Manifest
	bytes    []byte
}

// inWorld runs a test in a fresh world with fake time, and stops it after.
func inWorld(t *testing.T, test func(w *world), mods ...func(*recording.Config)) {
	t.Helper()
	inWorldWithDisk(t, 0, test, mods...)
}

// inWorldWithDisk also says how many bytes may wait for the disk.
func inWorldWithDisk(t *testing.T, queue int64, test func(w *world), mods ...func(*recording.Config)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, dir: t.TempDir(), clock: capture.NewClock(), files: map[string]file{}}
		w.fake = capturetest.NewFake(20000, recording.Slots)
		sp, err := spool.Open(spool.Config{Dir: dir, Repair: recording.Repair, OnReady: w.take, QueueBytes: queue})
		if err != nil {
			t.Fatal(err)
		}
		cfg := recording.Config{
			Sets: []capture.Set{w.fake}, Spool: sp, Clock: w.clock,
			Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
			OnEvent: func(e recording.Event) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.events = append(w.events, e)
			},
		}
		for _, mod := range mods {
			mod(&cfg)
		}
		w.m, err = recording.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { // also when the test has failed: else the bubble complains
			w.m.Close()
			if err := sp.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		}()
		test(w)
	})
}

func (w *world) take(r spool.Ready) {
	m, err := r.Manifest()
	if err != nil {
		w.t.Error(err)
		return
	}
	f, err := r.Open()
	if err != nil {
		w.t.Error(err)
		return
	}
	b, err := io.ReadAll(f)
	if err != nil {
		w.t.Error(err)
	}
	_ = f.Close()
	w.mu.Lock()
	w.files[r.ID()] = file{m, b}
	w.mu.Unlock()
	w.m.Spooled(r.ID())
	if w.undelivered {
		return
	}
	if err := r.Done(); err != nil {
		w.t.Error(err)
	}
	w.m.Delivered(recording.CallID{Account: r.Account(), Call: r.CallID()}, r.ID())
}

// sleep lets time pass, and everything that it brings about happen.
func (w *world) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// settings reads a call_recording document, as users write it.
func settings(t *testing.T, doc string) policy.Settings {
	t.Helper()
	var s policy.Settings
	if err := json.Unmarshal([]byte(doc), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// request makes a request of settings; doc says nothing of a format means WAV.
func request(t *testing.T, doc string) recording.Request {
	t.Helper()
	s := settings(t, doc)
	if s.Format == "" {
		s.Format = "wav"
	}
	sp, err := recording.NewSpec(s, recording.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	return recording.Request{Spec: sp, Origin: "test"}
}

// announce brings in a call with recordings of the given settings.
func (w *world) announce(id string, docs ...string) recording.CallInfo {
	w.t.Helper()
	spec := recording.CallSpec{ID: recording.CallID{Account: "acc", Call: id}, At: time.Now()}
	for _, d := range docs {
		spec.Start = append(spec.Start, request(w.t, d))
	}
	info, created, err := w.m.Announce(w.t.Context(), spec)
	if err != nil || !created {
		w.t.Fatalf("announcing %s: created %v, %v", id, created, err)
	}
	return info
}

// do carries out a command now.
func (w *world) do(id string, c recording.Command) recording.CallInfo {
	w.t.Helper()
	if c.At.IsZero() {
		c.At = time.Now()
	}
	info, err := w.m.Do(w.t.Context(), recording.CallID{Account: "acc", Call: id}, c)
	if err != nil {
		w.t.Fatalf("%+v: %v", c, err)
	}
	return info
}

// file waits until a recording's file is there.
func (w *world) file(id string) file {
	w.t.Helper()
	for range 100 {
		w.mu.Lock()
		f, ok := w.files[id]
		w.mu.Unlock()
		if ok {
			return f
		}
		w.sleep(100 * ms)
	}
	info, _ := w.m.Info(recording.CallID{Account: "acc", Call: "c"})
	w.t.Fatalf("no file of recording %s; %+v", id, info)
	return file{}
}

// wav checks that the bytes are a WAV file of that shape, and returns its samples.
func (f *file) wav(t *testing.T, rate, channels int) []int16 {
	t.Helper()
	b, le := f.bytes, binary.LittleEndian
	if len(b) < 44 || string(b[:4]) != "RIFF" || string(b[36:40]) != "data" {
		t.Fatalf("not a WAV file: % x", b[:min(44, len(b))])
	}
	if got := int(le.Uint32(b[4:])); got != len(b)-8 {
		t.Errorf("RIFF size %d in a file of %d bytes", got, len(b))
	}
	if int(le.Uint32(b[24:])) != rate || int(le.Uint16(b[22:])) != channels {
		t.Errorf("%d Hz, %d channels; want %d, %d", le.Uint32(b[24:]), le.Uint16(b[22:]), rate, channels)
	}
	out := make([]int16, le.Uint32(b[40:])/2)
	for i := range out {
		out[i] = int16(le.Uint16(b[44+2*i:]))
	}
	return out
}

// talk is one party's stream: octets sent in packets, from a time on.
type talk struct {
	from   netip.AddrPort
	start  time.Duration // on the worker's clock
	law    g711.Law
	octets []byte
	ptime  time.Duration // 0 means 20 ms
	ssrc   uint32
	seq    uint16
	ts     uint32
	delay  func(packet int) time.Duration // of the network; nil means none
	twice  func(packet int) bool          // sent again 30 ms later
	drop   func(packet int) bool
}

// send pushes the whole stream to a port: each packet arrives at its time.
func (w *world) send(port uint16, k talk) {
	w.t.Helper()
	if k.ptime == 0 {
		k.ptime = 20 * ms
	}
	size := int(k.ptime * rate / second)
	for i := 0; i*size < len(k.octets); i++ {
		if k.drop != nil && k.drop(i) {
			continue
		}
		p := rtp.Packet{
			Header: rtp.Header{
				Version: 2, PayloadType: []uint8{0, 8}[k.law], SSRC: k.ssrc,
				SequenceNumber: k.seq + uint16(i), Timestamp: k.ts + uint32(i*size),
			},
			Payload: k.octets[i*size : min((i+1)*size, len(k.octets))],
		}
		b, err := p.Marshal()
		if err != nil {
			w.t.Fatal(err)
		}
		at := k.start + time.Duration(i)*k.ptime
		if k.delay != nil {
			at += k.delay(i)
		}
		w.push(port, k.from, at, b)
		if k.twice != nil && k.twice(i) {
			w.push(port, k.from, at+30*ms, b)
		}
	}
}

func (w *world) push(port uint16, from netip.AddrPort, at time.Duration, b []byte) {
	w.t.Helper()
	if !w.fake.PushTo(port, from, at, b) {
		w.t.Fatalf("port %d is not open", port)
	}
}

// now is the present on the worker's clock.
func (w *world) now() time.Duration { return w.clock.Now().Mono }

var (
	callerFrom = netip.MustParseAddrPort("192.0.2.7:30010")
	calleeFrom = netip.MustParseAddrPort("192.0.2.7:30020")
)

// babble is n octets of noise that comes and goes like speech, loud enough that
// two parties together clip now and then.
func babble(n int, seed uint64, law g711.Law) []byte {
	r := rand.New(rand.NewPCG(seed, seed))
	pcm := make([]int16, n)
	level := 0
	for i := range pcm {
		if i%1600 == 0 {
			level = []int{0, 300, 3000, 30000}[r.IntN(4)]
		}
		if level > 0 {
			pcm[i] = int16(r.IntN(2*level) - level)
		}
	}
	return g711.Encode(law, nil, pcm)
}

// expect is the plain truth about a call: each party's octets decoded where they
// were heard, summed and cut to 16 bits.
type expect struct{ legs [2][]int16 }

func newExpect(n int) *expect {
	return &expect{[2][]int16{make([]int16, n), make([]int16, n)}}
}

// hear puts octets on a leg's timeline from a position on.
func (e *expect) hear(leg int, pos int, octets []byte, law g711.Law) {
	pcm := make([]int16, len(octets))
	g711.Decode(law, pcm, octets)
	for i, s := range pcm {
		if at := pos + i; at >= 0 && at < len(e.legs[leg]) {
			e.legs[leg][at] = s
		}
	}
}

func (e *expect) hush(leg, from, to int) { clear(e.legs[leg][from:to]) }

// mono is the sum from one position to another.
func (e *expect) mono(from, to int) []int16 {
	out := make([]int16, to-from)
	for i := range out {
		sum := int32(e.legs[0][from+i]) + int32(e.legs[1][from+i])
		out[i] = int16(max(-32768, min(32767, sum)))
	}
	return out
}

func (e *expect) stereo(from, to int) []int16 {
	out := make([]int16, 0, 2*(to-from))
	for i := from; i < to; i++ {
		out = append(out, e.legs[0][i], e.legs[1][i])
	}
	return out
}

// same fails unless two streams are equal, sample by sample.
func same(t *testing.T, what string, got, want []int16) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d samples, want %d", what, len(got), len(want))
	}
	bad, first := 0, -1
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			if bad++; first < 0 {
				first = i
			}
		}
	}
	if bad > 0 {
		t.Errorf("%s: %d samples differ, the first at %d: got %d, want %d", what, bad, first, got[first], want[first])
	}
}

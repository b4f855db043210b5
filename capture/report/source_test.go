package report

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

const ms = time.Millisecond

// oracle is a stream of one SSRC that never restarts, kept the slow way.
type oracle struct {
	first, highest   int64
	received         int64
	jitter           float64
	transit          float64
	begun            bool
	expected0, came0 int64
}

func (o *oracle) add(ext int64, timestamp uint32, at time.Duration) {
	transit := float64(at/(125*time.Microsecond)) - float64(timestamp)
	if !o.begun {
		o.first, o.highest, o.begun = ext, ext, true
	} else {
		o.jitter += (math.Abs(transit-o.transit) - o.jitter) / 16
	}
	o.highest = max(o.highest, ext)
	o.received++
	o.transit = transit
}

// Whatever is lost, reordered, doubled or delayed, the figures are those of RFC
// 3550 §6.4.1, through wraps of the sequence numbers.
func TestBlockAgainstOracle(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		var s Source
		var o oracle
		start := int64(r.IntN(65536))
		for i := range int64(150_000) {
			if r.IntN(10) == 0 && i > 0 {
				continue // lost
			}
			ext := start + i
			if i > 10 && r.IntN(20) == 0 {
				ext -= int64(r.IntN(9)) // an older one, again or for the first time
			}
			at := time.Duration(i)*20*ms + time.Duration(r.IntN(5000))*time.Microsecond
			s.Add(7, uint16(ext), uint32(i*160), true, at)
			o.add(ext, uint32(i*160), at)
			if i%250 != 249 {
				continue
			}
			b, ok := s.Block(at)
			expected := o.highest - o.first + 1
			due, came := expected-o.expected0, o.received-o.came0
			o.expected0, o.came0 = expected, o.received
			fraction := max(0, (due-came)*256/due)
			if !ok || b.SSRC != 7 || int64(b.Lost) != expected-o.received || int64(b.Fraction) != fraction ||
				b.Highest != uint32(o.highest) || math.Abs(float64(b.Jitter)-o.jitter) > 2 {
				t.Fatalf("seed %d, packet %d: %+v, want lost %d, fraction %d, highest %d, jitter %.1f",
					seed, i, b, expected-o.received, fraction, uint32(o.highest), o.jitter)
			}
		}
	}
}

func TestBlockOfNothing(t *testing.T) {
	var s Source
	s.Report(Sender{SSRC: 7, NTP: 1 << 40}, 0)
	if b, ok := s.Block(time.Second); ok {
		t.Errorf("before the first packet: %+v", b)
	}
	s.Add(7, 1, 0, true, 0)
	if _, ok := s.Block(time.Second); !ok {
		t.Error("no block after a packet")
	}
	if b, ok := s.Block(2 * time.Second); ok {
		t.Errorf("nothing came since, and yet: %+v", b)
	}
	s.Add(7, 3, 320, true, 2*time.Second)
	if b, ok := s.Block(3 * time.Second); !ok || b.Lost != 1 || b.Fraction != 128 {
		t.Errorf("one of two was lost: %+v, %v", b, ok)
	}
}

// Lost has 24 bits with a sign, and stays at its ends (RFC 3550 appendix A.3).
func TestLostIsBounded(t *testing.T) {
	var s Source
	for i := range uint32(6000) {
		s.Add(7, uint16(i*2999), 0, false, 0)
	}
	if b, _ := s.Block(0); b.Lost != 1<<23-1 || b.Fraction != 255 {
		t.Errorf("18 million lost: %+v", b)
	}
	s = Source{}
	for range 1<<23 + 10 {
		s.Add(7, 1, 0, false, 0)
	}
	if b, _ := s.Block(0); b.Lost != -1<<23 || b.Fraction != 0 {
		t.Errorf("9 million doubled: %+v", b)
	}
	if d := Append(nil, 1, "", &Block{Lost: -2}); d[13] != 0xFF || d[14] != 0xFF || d[15] != 0xFE {
		t.Errorf("-2 is written as % x", d[13:16])
	}
}

// LSR and DLSR are of the last sender report of the source reported on, and of
// no other (RFC 3550 §6.4.1).
func TestLastSenderReport(t *testing.T) {
	var s Source
	at := 40 * 24 * time.Hour // a worker that has run for weeks
	s.Report(Sender{SSRC: 7, NTP: 0x1122334455667788}, at)
	s.Add(7, 1, 0, true, at+time.Second)
	if b, _ := s.Block(at + 1500*ms); b.LSR != 0x33445566 || b.DLSR != 3<<15 {
		t.Errorf("1.5 s after the report: %+v", b)
	}
	s.Add(7, 2, 0, true, at+time.Second)
	if b, _ := s.Block(at + 100*time.Hour); b.DLSR != math.MaxUint32 {
		t.Errorf("100 h after the report: %+v", b)
	}
	s.Report(Sender{SSRC: 8, NTP: 1 << 40}, at)
	s.Add(7, 3, 0, true, at)
	if b, _ := s.Block(at + time.Second); b.LSR != 0 || b.DLSR != 0 {
		t.Errorf("another's report was taken for this source's: %+v", b)
	}
}

// A stray of another SSRC, or with a wild number, changes nothing; two in
// sequence do (RFC 3550 appendix A.1).
func TestStraysAndRestarts(t *testing.T) {
	var s Source
	add := func(ssrc uint32, seqs ...uint16) {
		for _, seq := range seqs {
			s.Add(ssrc, seq, 0, false, 0)
		}
	}
	want := func(what string, ssrc, highest uint32, lost int32) {
		t.Helper()
		s.receivedBefore = 0
		if b, _ := s.Block(0); b.SSRC != ssrc || b.Highest != highest || b.Lost != lost {
			t.Errorf("%s: %+v, want of %d up to %d, %d lost", what, b, ssrc, highest, lost)
		}
	}
	add(7, 65534, 65535, 0, 1)
	want("wrapped", 7, 1<<16|1, 0)
	add(8, 100)
	add(7, 2)
	add(8, 101)
	add(7, 3)
	want("strays between", 7, 1<<16|3, 0)
	add(7, 30000)
	add(7, 5)
	want("a wild number", 7, 1<<16|5, 1)
	add(7, 40000, 40001, 40003)
	want("a restart", 7, 40003, 1)
	add(8, 500, 501, 503)
	want("another source", 8, 503, 1)
}

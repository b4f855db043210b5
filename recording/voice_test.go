package recording

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"callrec/capture"
	"callrec/capture/clock"
	"callrec/capture/jitter"
	"callrec/codec/resample"
)

// A leg that loses packets, drifts, and is bent costs no memory either.
func TestRepairAllocatesNothing(t *testing.T) {
	p := newParty(jitter.NewPool(time.Second), 1, 200)
	p.signal = func(float64) float64 { return 0.1 }
	e := newEar(resample.NewWarp())
	var pos int64
	second := func() { // the packets are made here too: only hearing is counted
		n := testing.AllocsPerRun(1, func() {
			for range 5 {
				p.voice.hear(pos, stretch, &e)
				pos += stretch
			}
		})
		if n != 0 {
			t.Fatalf("%v allocations in a second", n)
		}
	}
	for s := range 60 {
		p.arrive(time.Duration(2*s+2) * time.Second)
		for i := range p.queue { // and of those under way, some never come
			if p.r.IntN(10) == 0 {
				p.queue[i].at = time.Duration(1 << 60)
			}
		}
		if s > 0 {
			second()
		}
	}
	if p.voice.concealed == 0 || p.voice.course.Straight() {
		t.Errorf("concealed %d samples, bent %v: nothing was repaired", p.voice.concealed, !p.voice.course.Straight())
	}
}

// While nobody listens a leg may turn out to belong far from where it was. Who
// listens then hears it there, and what was read before is not asked for again.
func TestListeningNowAndThen(t *testing.T) {
	const later = 600 * time.Millisecond
	p := newParty(jitter.NewPool(time.Second), 1, 0)
	p.delay = func(_ *rand.Rand, at time.Duration) time.Duration {
		if at > 20*time.Second {
			return later
		}
		return 0
	}
	p.signal = clicks(true)
	e := newEar(resample.NewWarp())
	var got []int16
	for pos, now := int64(0), roundEvery; pos < 62*clock.Rate; now += roundEvery {
		p.arrive(now)
		if now == 21*time.Second || now == 22*time.Second { // its clocks move: it has left something out
			p.voice.buffer.Report(5, uint64(now.Seconds()*(1<<32)), uint32(now/clock.Sample)-uint32(now/time.Second-21)*4000)
		}
		for ; pos+stretch <= clock.Samples(now-time.Second)-ahead; pos += stretch {
			if pos < 58*clock.Rate && pos/stretch%2 == 0 {
				p.voice.pass(pos, stretch, &e)
				continue
			}
			pcm := p.voice.hear(pos, stretch, &e)
			if pos >= 58*clock.Rate {
				got = append(got, pcm...)
			}
		}
	}
	want := 2*clock.Rate + int(later/clock.Sample)
	if at := peakOf(got); at < want-8 || at > want+8 {
		t.Errorf("the click is at %d, want %d", at, want)
	}
}

// Nobody listening for less than what is read ahead moves no leg: what is heard then
// is where it would have been.
func TestPausesOfListening(t *testing.T) {
	pool := jitter.NewPool(time.Second)
	here, there := newParty(pool, 1, 0), newParty(pool, 1, 0)
	for _, p := range []*party{here, there} {
		p.signal, p.delay = clicks(true), func(*rand.Rand, time.Duration) time.Duration { return 0 }
	}
	e := newEar(resample.NewWarp())
	r := rand.New(rand.NewPCG(1, 1))
	var pos, paused int64
	for now := roundEvery; now < 20*time.Second; now += roundEvery {
		here.arrive(now)
		there.arrive(now)
		for upTo := clock.Samples(now-time.Second) - ahead; pos < upTo; {
			n := min(1+r.Int64N(stretch), upTo-pos)
			want := slices.Clone(there.voice.hear(pos, n, &e))
			if pos > 2*clock.Rate && r.IntN(3) == 0 {
				here.voice.pass(pos, n, &e)
				paused++
			} else if got := here.voice.hear(pos, n, &e); !slices.Equal(got, want) {
				t.Fatalf("from %d on, after %d pauses, another sound: the leg was moved by %d", pos, paused, here.voice.course.Whole())
			}
			pos += n
		}
	}
	if here.voice.course.Shift() != there.voice.course.Shift() || paused < 20 {
		t.Errorf("%d pauses moved the leg by %d", paused, here.voice.course.Whole())
	}
}

// FuzzLeg gives a leg the packets that bytes spell out, and hears it: nothing may
// crash, no sample may be heard that did not come in time, or later than Early
// after anything came.
func FuzzLeg(f *testing.F) {
	f.Add([]byte{0, 20, 0, 1, 0, 20, 0, 1, 0, 20, 0, 1, 0, 20, 0, 1})
	f.Add([]byte{1, 200, 3, 1, 0, 20, 60, 1, 2, 20, 0, 9, 0, 20, 0, 1, 0, 255, 0, 1, 0, 255, 0, 1, 7, 1, 1, 1})
	warp := resample.NewWarp()
	f.Fuzz(func(t *testing.T, in []byte) { hearWhatever(t, in, warp) })
}

// The same with bytes at random, as many as there is time for.
func TestHostileLegs(t *testing.T) {
	warp := resample.NewWarp()
	for seed := range uint64(1500) {
		r := rand.New(rand.NewPCG(seed, 7))
		in := make([]byte, 4*(50+r.IntN(1500)))
		wild := r.IntN(4)
		for i := 0; i < len(in); i += 4 {
			in[i], in[i+1], in[i+2], in[i+3] = byte(r.Uint32()), 20, byte(r.IntN(2)*r.IntN(256)), 20
			if r.IntN(8) < wild {
				in[i+1], in[i+3] = byte(r.Uint32()), byte(r.Uint32())
			}
		}
		hearWhatever(t, in, warp)
	}
}

// hearWhatever gives a leg the packets that bytes spell out, four for each.
func hearWhatever(t *testing.T, in []byte, warp *resample.Warp) {
	rules := Config{Hold: time.Second, SourceTimeout: 5 * time.Second}
	pool := jitter.NewPool(rules.Hold)
	from := netip.MustParseAddrPort("192.0.2.7:30010")
	l := &leg{source: source{want: from}, payloads: payloadTable(map[uint8]Payload{
		0: PayloadPCMU, 8: PayloadPCMA, 13: PayloadNoise, 101: PayloadEvents,
	}), buffer: jitter.New(pool, 0)}
	l.voice.buffer = l.buffer
	g := gate{rules: &rules}
	e := newEar(warp)
	r := rand.New(rand.NewPCG(1, 1))
	var now, last time.Duration
	var pos int64
	seq, ts := uint16(65530), uint32(1<<32-4000)
	packet := make([]byte, 12+2048)
	for i := range packet {
		packet[i] = byte(r.Uint32())
	}
	for len(in) >= 4 && now < time.Minute {
		kind, wait, jump, size := in[0], time.Duration(in[1])*time.Millisecond, in[2], int(in[3])*8
		in = in[4:]
		now += wait
		seq += 1 + uint16(jump&3) - uint16(jump>>6)<<14
		ts += 160 + uint32(jump&12)*400 - uint32(jump&48)*100
		packet[0], packet[1] = 0x80, []byte{0, 8, 13, 101, 0x80, 96, 0, 0}[kind&7]
		packet[2], packet[3] = byte(seq>>8), byte(seq)
		packet[4], packet[5], packet[6], packet[7] = byte(ts>>24), byte(ts>>16), byte(ts>>8), byte(ts)
		packet[8], packet[9], packet[10], packet[11] = 0, 0, 0, kind>>6
		l.receive(&capture.Datagram{From: from, At: now, Data: packet[:12+size]}, &g)
		last = now + time.Duration(size)*clock.Sample
		for upTo := clock.Samples(now-rules.Hold) - ahead; pos+stretch <= upTo; pos += stretch {
			if kind&8 != 0 {
				l.voice.pass(pos, stretch, &e)
			} else {
				l.voice.hear(pos, stretch, &e)
			}
		}
		if kind&16 != 0 {
			l.buffer.Report(uint32(kind>>6), uint64(now.Seconds()*(1<<32))+uint64(jump)<<28, ts)
		}
	}
	for range 3 * 5 { // what is still to come
		for i, x := range l.voice.hear(pos, stretch, &e) {
			if at := time.Duration(pos+int64(i)) * clock.Sample; x != 0 && at > last+jitter.Early+100*time.Millisecond {
				t.Fatalf("a sample at %v; the last packet ended at %v", at, last)
			}
		}
		pos += stretch
	}
}

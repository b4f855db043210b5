package tones

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// packet is one telephone-event packet as a test sends it.
type packet struct {
	payload  []byte
	position int64
	marker   bool
}

// event is one report of a payload: event code, E bit, duration.
func event(code uint8, ended bool, duration int) []byte {
	flags := uint8(10)
	if ended {
		flags |= 0x80
	}
	return []byte{code, flags, byte(duration >> 8), byte(duration)}
}

// dial packs one press as RFC 4733 §2.5.1 says: a report each ptime, in segments
// of 0xFFFF, the end three times.
func dial(code uint8, start, length, ptime int64) (out []packet) {
	first, begun := start, true
	for at := start + ptime; ; at += ptime {
		at = min(at, start+length)
		for at-first > segment {
			out = append(out, packet{event(code, false, segment), first, begun})
			first, begun = first+segment, false
		}
		if at == start+length {
			break
		}
		out = append(out, packet{event(code, false, int(at-first)), first, begun})
		begun = false
	}
	end := packet{event(code, true, int(start+length-first)), first, begun}
	again := end
	again.marker = false
	return append(out, end, again, again)
}

// push sends packets 20 ms apart from the arrival at.
func push(d *Digits, at time.Duration, packets ...packet) (out []Press) {
	for _, p := range packets {
		out = d.Push(out, p.payload, p.position, p.marker, at)
		at += 20 * time.Millisecond
	}
	return out
}

func TestEveryKeyIsReportedOnce(t *testing.T) {
	for code := range uint8(17) {
		var d Digits
		got := push(&d, 0, dial(code, 4000, 800, 160)...)
		if want := (Press{code, 4000, 160, false}); len(got) != 1 || got[0] != want {
			t.Fatalf("event %d: reported %+v, want %+v", code, got, want)
		}
		if want := append([]byte("0123456789*#ABCD"), 0)[code]; got[0].Digit() != want {
			t.Errorf("event %d is %q, want %q", code, got[0].Digit(), want)
		}
		if last, ok := d.Last(); !ok || last != (Press{code, 4000, 800, true}) {
			t.Errorf("event %d: in the end it is %+v", code, last)
		}
		if from, to := d.Span(); from != 4000 || to != 4800 {
			t.Errorf("event %d: covers %d to %d", code, from, to)
		}
	}
}

func TestDigitsCases(t *testing.T) {
	one, two := dial(5, 0, 800, 160), dial(5, 1120, 800, 160)
	join := func(ps ...[]packet) (out []packet) { return slices.Concat(ps...) }
	at := func(p packet, position int64) packet { p.position = position; return p }
	pack := func(position int64, marker bool, events ...[]byte) packet {
		return packet{slices.Concat(events...), position, marker}
	}
	for _, c := range []struct {
		name    string
		packets []packet
		want    []Press // as known in the end: of each report, the start and the last state
		length  int64   // of the newest press
		ended   bool
	}{
		{"one key twice", join(one, two), []Press{{5, 0, 160, false}, {5, 1120, 160, false}}, 800, true},
		{"the first packets lost", one[3:], []Press{{5, 0, 640, false}}, 800, true},
		{"all but an end packet lost", one[5:6], []Press{{5, 0, 800, true}}, 800, true},
		{"all end packets lost", one[:4], []Press{{5, 0, 160, false}}, 640, false},
		{"all end packets lost, and the next key", join(one[:4], two[:1]), []Press{{5, 0, 160, false}, {5, 1120, 160, false}}, 160, false},
		{"end and next beginning lost", join(one[:4], two[1:]), []Press{{5, 0, 160, false}, {5, 1120, 320, false}}, 800, true},
		{"backwards", []packet{one[6], one[5], one[4], one[3], one[2], one[1], one[0]}, []Press{{5, 0, 800, true}}, 800, true},
		{"the second key first", join(two, one), []Press{{5, 1120, 160, false}, {5, 0, 160, true}}, 800, true},
		{"twenty seconds", dial(1, 0, 160000, 400), []Press{{1, 0, 400, false}}, 160000, true},
		{"twenty seconds, the first segment's end lost", append(dial(1, 0, 160000, 400)[:100], dial(1, 0, 160000, 400)[164:]...), []Press{{1, 0, 400, false}}, 160000, true},
		{"a segment of 0x3FFF, then another key", []packet{pack(0, true, event(1, false, 0x3FFF)), pack(0x3FFF, false, event(1, true, 500)), pack(0x4300, true, event(2, true, 500))}, []Press{{1, 0, 0x3FFF, false}, {2, 0x4300, 500, true}}, 500, true},
		{"the second segment first", []packet{pack(segment, false, event(1, false, 160)), pack(0, true, event(1, false, 160))}, []Press{{1, segment, 160, false}}, segment + 160, false},
		{"three keys in one packet", []packet{pack(0, true, event(1, true, 400), event(1, true, 400), event(2, false, 160)), pack(800, false, event(2, true, 400))}, []Press{{1, 0, 400, true}, {1, 400, 400, true}, {2, 800, 160, false}}, 400, true},
		{"a long key's segments in one packet", []packet{pack(0, true, event(1, false, segment), event(1, true, 400))}, []Press{{1, 0, segment, false}}, segment + 400, true},
		{"a sender whose timestamp moves", []packet{at(one[0], 0), at(one[1], 160), at(one[2], 320), at(one[4], 480), at(one[5], 640), at(one[6], 800)}, []Press{{5, 0, 160, false}}, 1280, true},
		{"marked twice", []packet{one[0], one[0], pack(0, true, event(5, true, 800))}, []Press{{5, 0, 160, false}}, 800, true},
		{"no pause, the first one's end lost, the second marked", []packet{pack(0, true, event(5, false, 800)), pack(800, true, event(5, false, 160))}, []Press{{5, 0, 800, false}, {5, 800, 160, false}}, 160, false},
		{"no pause, the first one's end known", []packet{pack(0, true, event(5, true, 800)), pack(800, false, event(5, false, 160))}, []Press{{5, 0, 800, true}, {5, 800, 160, false}}, 160, false},
		{"under 40 ms between what is known of two, the second first", []packet{pack(900, true, event(5, false, 160)), pack(0, true, event(5, false, 700))}, []Press{{5, 900, 160, false}, {5, 0, 700, true}}, 160, false},
		{"no duration", []packet{pack(0, true, event(5, false, 0)), pack(0, false, event(5, false, 160))}, []Press{{5, 0, 160, false}}, 160, false},
		{"a flash has none", []packet{pack(0, true, event(16, true, 0)), pack(0, false, event(16, true, 0))}, []Press{{16, 0, 0, true}}, 0, true},
		{"before the epoch", dial(9, -1000, 800, 160), []Press{{9, -1000, 160, false}}, 800, true},
	} {
		var d Digits
		got := push(&d, 0, c.packets...)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: reported %+v, want %+v", c.name, got, c.want)
		}
		if last, ok := d.Last(); !ok || last.Length != c.length || last.Ended != c.ended {
			t.Errorf("%s: in the end it is %+v, want length %d, ended %v", c.name, last, c.length, c.ended)
		}
	}
}

func TestMalformedPayloadsAreCounted(t *testing.T) {
	var d Digits
	for _, n := range []int{0, 1, 3, 5, 36, 1400} {
		if got := d.Push(nil, make([]byte, n), 0, true, 0); len(got) != 0 {
			t.Errorf("%d octets: reported %+v", n, got)
		}
	}
	push(&d, 0, packet{event(5, false, 0), 0, true})
	if want := (DigitStats{Packets: 7, Malformed: 6, Empty: 1}); d.Stats() != want {
		t.Errorf("counted %+v, want %+v", d.Stats(), want)
	}
	if _, ok := d.Last(); ok {
		t.Error("there is a press")
	}
	if from, to := d.Span(); from != 0 || to != 0 {
		t.Errorf("covers %d to %d", from, to)
	}
}

func TestSpanIsThatOfThePacket(t *testing.T) {
	var d Digits
	check := func(name string, p packet, wantFrom, wantTo int64) {
		t.Helper()
		push(&d, 0, p)
		if from, to := d.Span(); from != wantFrom || to != wantTo {
			t.Errorf("%s: covers %d to %d, want %d to %d", name, from, to, wantFrom, wantTo)
		}
	}
	check("first", packet{event(1, false, 160), 1000, true}, 1000, 1160)
	check("another key", packet{event(2, false, 160), 3000, true}, 3000, 3160)
	check("the end of the first comes late", packet{event(1, true, 800), 1000, false}, 1000, 1800)
	check("an earlier one", packet{event(2, false, 320), 3000, false}, 3000, 3320)
	check("overtaken", packet{event(2, false, 240), 3000, false}, 3000, 3320)
	check("three at once", packet{slices.Concat(event(3, true, 400), event(4, true, 300), event(5, true, 200)), 5000, true}, 5000, 5900)
	check("half an event", packet{[]byte{1, 2}, 0, true}, 0, 0)
}

func TestExpireEndsAPress(t *testing.T) {
	var d Digits
	d.Expire(time.Hour) // nothing to end
	push(&d, time.Second, dial(5, 0, 800, 160)[:2]...)
	for _, c := range []struct {
		now   time.Duration
		ended bool
	}{{time.Second, false}, {1219 * time.Millisecond, false}, {1220 * time.Millisecond, true}} {
		d.Expire(c.now)
		if last, _ := d.Last(); last.Ended != c.ended {
			t.Errorf("after %v: ended is %v", c.now, last.Ended)
		}
	}
	if got := push(&d, 2*time.Second, dial(5, 0, 800, 160)...); len(got) != 0 {
		t.Errorf("a late packet was reported as %+v", got)
	}
	if last, _ := d.Last(); last.Length != 800 {
		t.Errorf("a late packet left it at %+v", last)
	}
}

func TestForgottenPressesStayReported(t *testing.T) {
	var d Digits
	var sent [][]packet
	for i := range 20 {
		sent = append(sent, dial(uint8(i%3), int64(i)*1200, 800, 160))
		if got := push(&d, 0, sent[i]...); len(got) != 1 {
			t.Fatalf("press %d: reported %+v", i, got)
		}
	}
	if got := push(&d, 0, slices.Concat(sent...)...); len(got) != 0 || d.Stats().Late == 0 {
		t.Errorf("sent again, reported %+v, %d late", got, d.Stats().Late)
	}
	// A source that starts anew, long after, may begin anywhere.
	if got := push(&d, time.Minute, sent[0]...); len(got) != 1 {
		t.Errorf("a minute later: reported %+v", got)
	}
}

// TestNetworkHidesNoPress: whatever the network does to a call's packets, each
// press of which one arrives is reported once, and none that was not made.
func TestNetworkHidesNoPress(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 3000 {
		type sent struct {
			packet
			press int
			order float64
		}
		var packets []sent
		var pressed []Press
		at := int64(rng.IntN(10000)) - 5000
		ptime := []int64{80, 160, 240, 400}[rng.IntN(4)]
		for i := range 1 + rng.IntN(12) {
			p := Press{uint8(rng.IntN(3)), at, 320 + rng.Int64N(2000), true}
			if rng.IntN(20) == 0 {
				p.Length += 70000
			}
			pressed = append(pressed, p)
			now := float64(at)
			for _, q := range dial(p.Event, p.Start, p.Length, ptime) {
				now += float64(ptime)
				packets = append(packets, sent{q, i, now + 1200*rng.Float64()}) // up to 150 ms out of order
			}
			at = p.End() + pause + rng.Int64N(2000)
		}
		loss := []int{0, 10, 50, 90}[rng.IntN(4)]
		var arrived []sent
		for _, p := range packets {
			if rng.IntN(100) >= loss {
				arrived = append(arrived, p)
				if rng.IntN(10) == 0 {
					arrived = append(arrived, p)
				}
			}
		}
		slices.SortStableFunc(arrived, func(a, b sent) int { return int(a.order - b.order) })
		var d Digits
		told, seen := make([]int, len(pressed)), make([]bool, len(pressed))
		for _, p := range arrived {
			seen[p.press] = true
			for _, q := range d.Push(nil, p.payload, p.position, p.marker, 0) {
				i := slices.IndexFunc(pressed, func(r Press) bool { return q.Start >= r.Start && q.Start < r.End() && q.Event == r.Event })
				if i < 0 {
					t.Fatalf("round %d: reported %+v, which nobody pressed", round, q)
				}
				told[i]++
			}
		}
		for i, p := range pressed {
			// A press of several segments of which a whole one is lost falls in two.
			if long := p.Length > segment && loss == 90; !long && (told[i] == 1) != seen[i] || told[i] > 1 && !long {
				t.Fatalf("round %d, loss %d %%: %+v was reported %d times, and arrived: %v\n%+v", round, loss, p, told[i], seen[i], d)
			}
		}
	}
}

func TestDigitsAllocatesNothing(t *testing.T) {
	var d Digits
	dst := make([]Press, 0, 8)
	packets := slices.Concat(dial(1, 0, 800, 160), dial(1, 1200, 800, 160), dial(2, 2400, 800, 160))
	at := int64(0)
	if n := testing.AllocsPerRun(100, func() {
		at += 10000
		for _, p := range packets {
			dst = d.Push(dst[:0], p.payload, at+p.position, p.marker, 0)
		}
	}); n != 0 {
		t.Errorf("%v allocations for 21 packets", n)
	}
}

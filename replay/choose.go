package replay

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"callrec/recording"
)

// A third stream does not make the choice unclear when it has less than this part
// of the audio of the second: a ring-back tone, a stray.
const negligible = 10

// together is how near two legs begin that began at once: then it is their
// addresses that tell which is which.
const together = time.Second

// Leg is where one leg of the call is in a capture.
type Leg struct {
	Addr        netip.AddrPort // the zero value: there is no such leg
	Source      bool           // Addr sent it; else it was sent there
	Streams     []Stream
	First, Last time.Time
}

// Legs are the two legs of the call to be recorded, by recording.Leg.
type Legs struct {
	Leg [2]Leg
	Why string // how they were chosen, in words
}

// match tells which leg a datagram is of. RTCP is on the next port (RFC 3550 §11).
func (l *Legs) match(src, dst netip.AddrPort) (leg recording.Leg, rtcp, ok bool) {
	for _, rtcp := range []bool{false, true} {
		for i := range l.Leg {
			at, here := l.Leg[i].Addr, dst
			if l.Leg[i].Source {
				here = src
			}
			if rtcp {
				at = netip.AddrPortFrom(at.Addr(), at.Port()+1)
			}
			if at.IsValid() && at == here {
				return recording.Leg(i), rtcp, true
			}
		}
	}
	return 0, false, false
}

// Begin is when the first packet of either leg came.
func (l *Legs) Begin() time.Time {
	a, b := l.Leg[0], l.Leg[1]
	if !a.Addr.IsValid() || (b.Addr.IsValid() && b.First.Before(a.First)) {
		return b.First
	}
	return a.First
}

// end is when the last packet of either leg has been heard, at the earliest at.
func (l *Legs) end(at time.Time) time.Time {
	return latest(latest(at, l.Leg[0].Last), l.Leg[1].Last)
}

// UnclearError says that the legs have to be named, and what there is to name.
type UnclearError struct {
	Why     string
	Streams []Stream
}

func (e *UnclearError) Error() string {
	var b strings.Builder
	b.WriteString(e.Why)
	for i := range e.Streams {
		if i == 40 {
			fmt.Fprintf(&b, "\n  and %d more", len(e.Streams)-i)
			break
		}
		b.WriteString("\n  " + e.Streams[i].String())
	}
	return b.String()
}

// String is the stream as a line of a list.
func (s *Stream) String() string {
	return fmt.Sprintf("to %v from %v: %s", s.Dst, s.Src, s.Content())
}

// Content is what the stream holds, in words.
func (s *Stream) Content() string {
	var types []string
	for _, pt := range s.Types {
		types = append(types, fmt.Sprint(pt))
	}
	return fmt.Sprintf("SSRC %08x, %d packets in %.1f s, payload type %s, %.1f s of G.711",
		s.SSRC, s.Packets, s.Last.Sub(s.First).Seconds(), strings.Join(types, " "), s.Audio().Seconds())
}

// Choose says which packets are the legs: those asked for, or else the two streams
// with the most audio, when there is no doubt which these are.
func (s *Survey) Choose() (Legs, error) {
	if len(s.asked) > 0 {
		return s.named()
	}
	var all []Leg
	streams := s.Streams()
	for _, st := range streams {
		if st.Octets == 0 {
			continue
		}
		i := slices.IndexFunc(all, func(l Leg) bool { return l.Addr == st.Dst })
		if i < 0 {
			i, all = len(all), append(all, Leg{Addr: st.Dst, First: st.First})
		}
		l := &all[i]
		l.Streams = append(l.Streams, st)
		if st.First.Before(l.First) {
			l.First = st.First
		}
		l.Last = latest(l.Last, st.Last)
	}
	slices.SortStableFunc(all, func(a, b Leg) int { return cmp.Compare(b.octets(), a.octets()) })
	switch {
	case len(all) == 0 && len(streams) == 0:
		return Legs{}, &UnclearError{Why: "there is no RTP in the capture; name where the legs were sent (--leg) if that is wrong"}
	case len(all) == 0:
		return Legs{}, &UnclearError{"there is RTP in the capture, but no G.711:", streams}
	case len(all) == 1:
		return Legs{Leg: [2]Leg{all[0]}, Why: "it is the only stream of G.711; the other leg is missing"}, nil
	case len(all) > 2 && all[2].octets()*negligible >= all[1].octets():
		return Legs{}, &UnclearError{fmt.Sprintf("%d streams could be the call's two legs; name them (--leg, the caller first):", len(all)), streams}
	case !overlap(&all[0], &all[1]):
		return Legs{}, &UnclearError{"the two longest streams are not of one time, so hardly of one call; name its legs (--leg, the caller first):", streams}
	}
	return inOrder(all[0], all[1], len(all)), nil
}

func (l *Leg) octets() (n int64) {
	for i := range l.Streams {
		n += l.Streams[i].Octets
	}
	return n
}

// overlap reports whether at least half of the shorter leg is beside the other.
func overlap(a, b *Leg) bool {
	from, to := latest(a.First, b.First), a.Last
	if b.Last.Before(to) {
		to = b.Last
	}
	return 2*to.Sub(from) >= min(a.Last.Sub(a.First), b.Last.Sub(b.First))
}

// inOrder tells the caller from the callee.
func inOrder(a, b Leg, of int) Legs {
	which := "they are the only two streams of G.711"
	if of > 2 {
		which = fmt.Sprintf("they have by far the most audio of %d streams", of)
	}
	if d := b.First.Sub(a.First); d.Abs() > together {
		if d < 0 {
			a, b = b, a
		}
		return Legs{[2]Leg{a, b}, fmt.Sprintf("%s; the caller is the one that begins %.1f s earlier", which, d.Abs().Seconds())}
	}
	if compareAddrPorts(b.Addr, a.Addr) < 0 {
		a, b = b, a
	}
	return Legs{[2]Leg{a, b}, which + "; the caller is the one sent to the lower address and port"}
}

// named makes the legs that were asked for: where they were sent, or where from.
func (s *Survey) named() (Legs, error) {
	legs := Legs{Why: "they were named"}
	if len(s.asked) > len(legs.Leg) {
		return legs, fmt.Errorf("cannot record %d legs: a call has two, the caller and the callee", len(s.asked))
	}
	for i, a := range s.asked {
		e, l := &s.to[i], Leg{Addr: a}
		if e.packets == 0 {
			e, l.Source = &s.source[i], true
		}
		if e.packets == 0 {
			return legs, &UnclearError{fmt.Sprintf("no packet was sent to %v, nor from there; there are:", a), s.Streams()}
		}
		l.First, l.Last = e.first, e.last
		for _, st := range e.streams {
			l.Streams = append(l.Streams, *st)
		}
		slices.SortFunc(l.Streams, func(a, b Stream) int { return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.SSRC, b.SSRC)) })
		legs.Leg[i] = l
	}
	if legs.Leg[0].Addr == legs.Leg[1].Addr {
		return legs, fmt.Errorf("cannot record %v as both legs", s.asked[0])
	}
	return legs, nil
}

package testkit

import (
	"net/netip"
	"time"
)

// Packet is one datagram to send.
type Packet struct {
	Leg  int           // index into SenderConfig.Legs
	Due  time.Duration // since the sender's start
	Data []byte        // copied before the next one is asked for; at most 2048 bytes
}

// Schedule gives the packets to send in order of Due, and false after the last.
type Schedule func() (Packet, bool)

// Even is a schedule of so many packets for each leg, one each ptime, the legs
// spread evenly over it. payload makes packet n of a leg; nil leaves it out.
func Even(legs, packets int, ptime time.Duration, payload func(leg, n int) []byte) Schedule {
	leg, n := 0, 0
	return func() (Packet, bool) {
		for n < packets && legs > 0 {
			p := Packet{Leg: leg, Due: time.Duration(n)*ptime + ptime*time.Duration(leg)/time.Duration(legs)}
			p.Data = payload(leg, n)
			if leg++; leg == legs {
				leg, n = 0, n+1
			}
			if p.Data != nil {
				return p, true
			}
		}
		return Packet{}, false
	}
}

// Prepared is a schedule of packets that are sorted by Due already.
func Prepared(packets []Packet) Schedule {
	return func() (p Packet, ok bool) {
		if len(packets) == 0 {
			return p, false
		}
		p, packets = packets[0], packets[1:]
		return p, true
	}
}

// SenderConfig is what StartSender needs. Zero values take the default named.
type SenderConfig struct {
	Legs     []netip.AddrPort // where each leg goes, all of one family
	Schedule Schedule         // called by the sender's goroutine

	LegsPerSocket int        // consecutive legs that share a source port; 0: 200
	Source        netip.Addr // bound address; zero: loopback of the legs' family
	CPU           int        // 1 + the CPU to stay on; 0: any
}

// SendReport says how well a sender kept to its schedule.
type SendReport struct {
	Packets int
	Late    int           // sent more than 5 ms after they were due
	Lag     time.Duration // the latest of all
	CPU     time.Duration // of the sender's thread, with the kernel's part of the delivery on loopback
	Wall    time.Duration // from start to the last packet

	// Least is, for each leg, by how much the most punctual of its first 38
	// packets was late at most: where a receiver that looks for the least delay
	// puts the leg. Negative: the leg has sent nothing.
	Least []time.Duration
}

// leastOf is how many packets SendReport.Least looks at: three quarters of a second
// of a leg, which any search for its place on a timeline takes in.
const leastOf = 38

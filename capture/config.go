package capture

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// SocketsConfig is what NewSockets needs. Zero values take the default named.
type SocketsConfig struct {
	// Addrs are told to senders, and bound where they are local. For one that
	// is not (a NAT's outside) the wildcard of its family is bound instead.
	Addrs []netip.Addr

	FirstPort, LastPort uint16 // both included; pairs start at even ports

	// This Set takes every Of-th pair of the range, beginning with the Share-th
	// from 0. Of 0 means 1: all of them.
	Share, Of int

	Slots int           // 0: 40
	Rest  time.Duration // silence before a dropped pair is reused; 0: 60 s

	// Clock gives Instants like those that Read gets. It is asked when a sweep has
	// come so late, on a busy machine, that what it reads arrived long after its
	// Instant. nil: such datagrams are taken to have arrived at the Instant.
	Clock func() Instant
}

// withDefaults fills in the defaults and checks everything else at once.
func (c SocketsConfig) withDefaults() (SocketsConfig, error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Of == 0 {
		c.Of = 1
	}
	if c.Slots == 0 {
		c.Slots = 40
	}
	if c.Rest == 0 {
		c.Rest = time.Minute
	}
	if len(c.Addrs) == 0 {
		bad("no address to receive RTP at; name one (--rtp-address)")
	}
	addrs := make([]netip.Addr, len(c.Addrs))
	for i, a := range c.Addrs {
		addrs[i] = a.Unmap()
		switch {
		case !a.IsValid() || a.IsUnspecified() || a.IsMulticast():
			bad("address %v cannot be told to a sender; give one of this machine or of the NAT before it (--rtp-address)", a)
		case a.Zone() != "":
			bad("address %v has a zone, which a sender elsewhere cannot use; give a global or private one (--rtp-address)", a)
		}
	}
	c.Addrs = addrs
	if c.Of < 1 || c.Share < 0 || c.Share >= c.Of {
		bad("share %d of %d does not exist; shares count from 0", c.Share, c.Of)
	} else if c.FirstPort == 0 || c.FirstPort > c.LastPort || len(c.pairs()) == 0 {
		bad("ports %d-%d hold no pair for share %d of %d; a pair is an even port and the next (--rtp-ports)",
			c.FirstPort, c.LastPort, c.Share, c.Of)
	}
	if c.Slots < 1 {
		bad("%d slots; at least 1 is needed", c.Slots)
	}
	if c.Rest < 0 {
		bad("rest of %v; it cannot be negative", c.Rest)
	}
	if len(errs) > 0 {
		return c, fmt.Errorf("cannot receive RTP: %w", errors.Join(errs...))
	}
	return c, nil
}

// pairs lists the RTP ports of this share.
func (c SocketsConfig) pairs() []uint16 {
	var ports []uint16
	even := (int(c.FirstPort) + 1) &^ 1
	for p := even + 2*c.Share; p < int(c.LastPort); p += 2 * c.Of {
		ports = append(ports, uint16(p))
	}
	return ports
}

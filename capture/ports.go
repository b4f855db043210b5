// Package capture owns the UDP ports that calls are received on.
package capture

import "net/netip"

// Ports are where one leg is received: an even RTP port and RTCP on the next.
type Ports struct {
	Addr netip.Addr
	RTP  uint16
	RTCP uint16
}

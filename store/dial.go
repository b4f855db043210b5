package store

import (
	"net"
	"sync"

	"github.com/nats-io/nats.go"
)

// dialer dials NATS for one connection at a time, which is dialled again when it is lost. The
// client forgets to close a socket at which a server took the connection and then said
// nothing (nats.go 1.55, doReconnect): that is closed before the next one is opened.
type dialer struct {
	mu   sync.Mutex
	last net.Conn
}

// Dial implements [nats.CustomDialer].
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last != nil {
		_ = d.last.Close() // mostly for the second time
		d.last = nil
	}
	conn, err := (&net.Dialer{Timeout: nats.DefaultTimeout}).Dial(network, address)
	if err == nil {
		d.last = conn
	}
	return conn, err
}

package testkit

import (
	"net"
	"sync"
	"testing"
)

// Valve stands before a TCP server and may stop reading, as a machine does that hangs:
// it still takes connections, until they are full.
type Valve struct {
	listener net.Listener
	wait     sync.WaitGroup

	mu     sync.Mutex
	frozen chan struct{} // closed by Thaw
	conns  []net.Conn
	closed bool
}

// StartValve opens a valve before the server at addr. It is closed with the test.
func StartValve(t testing.TB, addr string) *Valve {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &Valve{listener: l, frozen: make(chan struct{})}
	v.Thaw()
	v.wait.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			v.wait.Go(func() { v.serve(client, addr) })
		}
	})
	t.Cleanup(func() {
		v.mu.Lock()
		v.closed = true
		for _, c := range v.conns {
			_ = c.Close()
		}
		v.mu.Unlock()
		_ = l.Close()
		v.Thaw()
		v.wait.Wait()
	})
	return v
}

// Addr is where the server seems to be.
func (v *Valve) Addr() string { return v.listener.Addr().String() }

// keep reports whether a connection may go on.
func (v *Valve) keep(c net.Conn) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.conns = append(v.conns, c)
	return !v.closed
}

// Freeze stops everything that goes through.
func (v *Valve) Freeze() {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-v.frozen:
		v.frozen = make(chan struct{})
	default:
	}
}

// Thaw lets it go on where it was.
func (v *Valve) Thaw() {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-v.frozen:
	default:
		close(v.frozen)
	}
}

func (v *Valve) pass() {
	v.mu.Lock()
	c := v.frozen
	v.mu.Unlock()
	<-c
}

func (v *Valve) serve(client net.Conn, to string) {
	defer client.Close()
	v.pass()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	if !v.keep(client) || !v.keep(server) {
		return
	}
	v.wait.Go(func() {
		_ = v.copy(client, server)
		_ = client.Close()
	})
	_ = v.copy(server, client)
}

func (v *Valve) copy(to, from net.Conn) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return err
		}
		v.pass()
		if _, err := to.Write(buf[:n]); err != nil {
			return err
		}
	}
}

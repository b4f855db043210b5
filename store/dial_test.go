package store

import (
	"errors"
	"net"
	"testing"

	"callrec/internal/testkit"
)

// A server that takes connections and says nothing costs one open file, however often
// the client gives up on it.
func TestOneSocketAtATime(t *testing.T) {
	testkit.CheckLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var d dialer
	var last net.Conn
	for i := range 3 {
		conn, err := d.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if last != nil {
			if _, err := last.Write([]byte{0}); !errors.Is(err, net.ErrClosed) {
				t.Errorf("dial %d: the socket before is open: %v", i, err)
			}
		}
		last = conn
	}
	_ = l.Close()
	if _, err := d.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("a closed port answers")
	}
	if _, err := last.Write([]byte{0}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the last socket is open: %v", err)
	}
}

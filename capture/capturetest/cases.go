package capturetest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"callrec/capture"
)

// receives: both ports of a pair, in order, from whom and when.
func receives(t *testing.T, r *rig) {
	r.make()
	for tag, addr := range []netip.Addr{v4, v6} {
		p := r.open(capture.Tag(tag), 2, addr)
		if p.Addr != addr || p.RTP%2 != 0 || p.RTCP != p.RTP+1 || p.RTP < r.cfg.FirstPort || p.RTCP > r.cfg.LastPort {
			t.Fatalf("ports %+v, want an even one and the next of %v in %d-%d", p, addr, r.cfg.FirstPort, r.cfg.LastPort)
		}
		c := r.sender(addr)
		r.sweep(2)
		before := r.now().Mono
		for i := range 40 {
			r.send(c, addr, p.RTP, []byte{byte(i)})
		}
		r.send(c, addr, p.RTCP, []byte("report"))
		after := r.now().Mono
		rtp := 0
		for _, d := range r.receive(2, 41) {
			if d.Tag != capture.Tag(tag) || d.From != c.LocalAddr().(*net.UDPAddr).AddrPort() || d.Truncated {
				t.Fatalf("datagram %+v, want tag %d from %v", d, tag, c.LocalAddr())
			}
			if stamped := 50 * time.Millisecond; d.At < before-time.Millisecond || d.At > after+stamped {
				t.Errorf("arrived at %v, sent between %v and %v", d.At, before, after)
			}
			if d.RTCP != (string(d.Data) == "report") {
				t.Fatalf("%q on the wrong port", d.Data)
			}
			if !d.RTCP {
				if d.Data[0] != byte(rtp) {
					t.Fatalf("datagram %d is number %d", rtp, d.Data[0])
				}
				rtp++
			}
		}
	}
	if s := r.set.Stats(); s.Datagrams != 82 || s.Truncated != 0 || s.ReadErrors != 0 {
		t.Errorf("stats %+v", s)
	}
}

// families: want chooses the address, and no address of a family is an error.
func families(t *testing.T, r *rig) {
	r.cfg.Addrs = []netip.Addr{v6, v4}
	r.make()
	for tag, c := range []struct{ want, got netip.Addr }{
		{netip.Addr{}, v6},
		{v4, v4},
		{v6, v6},
		{netip.MustParseAddr("192.0.2.7"), v4},
		{netip.MustParseAddr("2001:db8::7"), v6},
		{netip.MustParseAddr("::ffff:192.0.2.7"), v4},
	} {
		if p := r.open(capture.Tag(tag), 0, c.want); p.Addr != c.got {
			t.Errorf("wanted %v, got %v, not %v", c.want, p.Addr, c.got)
		}
	}
	r.cfg.Addrs = []netip.Addr{v4}
	r.make()
	if p, err := r.set.Open(1, 0, v6); err == nil {
		t.Errorf("an IPv4 set opened %+v for %v", p, v6)
	}
}

// truncates: whatever length is sent, its beginning comes, and four of the longest
// leave room for what else comes in one round.
func truncates(t *testing.T, r *rig) {
	r.make()
	p := r.open(1, 0, v4)
	c := r.sender(v4)
	want := 0
	for _, n := range []int{0, 1, 2047, 2048, 2049, 9000, 65507} {
		data := bytes.Repeat([]byte{byte(n), byte(n >> 8)}, n/2+1)[:n]
		r.send(c, v4, p.RTP, data)
		d := r.receive(0, 1)[0]
		if d.Truncated != (n > 2048) || !bytes.Equal(d.Data, data[:min(n, 2048)]) {
			t.Errorf("%d bytes came as %d, truncated %v", n, len(d.Data), d.Truncated)
		}
		if n > 2048 {
			want++
		}
	}
	if s := r.set.Stats(); s.Truncated != uint64(want) {
		t.Errorf("%d truncated, counted %d", want, s.Truncated)
	}
	for range 4 {
		r.send(c, v4, p.RTP, make([]byte, 65507))
	}
	for n := range 10 {
		r.send(c, v4, p.RTP, bytes.Repeat([]byte{byte(n)}, 172))
	}
	for i, d := range r.receive(0, 14) {
		if i >= 4 && (len(d.Data) != 172 || d.Data[0] != byte(i-4)) {
			t.Errorf("datagram %d came as %d bytes", i, len(d.Data))
		}
	}
}

// sharesFloodedSlot: a flood at one port costs its neighbour nothing.
func sharesFloodedSlot(t *testing.T, r *rig) {
	r.make()
	flooded, quiet := r.open(1, 0, v4), r.open(2, 0, v4)
	c := r.sender(v4)
	for range 3 {
		for range 2000 {
			r.send(c, v4, flooded.RTP, make([]byte, 100))
		}
		r.send(c, v4, quiet.RTP, []byte("hello"))
		got := map[capture.Tag]int{}
		for _, d := range r.sweep(0) {
			got[d.Tag]++
		}
		if got[2] != 1 || got[1] == 0 || got[1] > 256 {
			t.Fatalf("one sweep: %d of the flood, %d of the neighbour's 1", got[1], got[2])
		}
	}
}

// smallBatch: what does not fit into a Batch comes with the next Read.
func smallBatch(t *testing.T, r *rig) {
	r.make()
	r.batch = capture.NewBatch(1)
	c := r.sender(v4)
	for tag := range capture.Tag(3) {
		p := r.open(tag, 0, v4)
		for i := range 50 {
			r.send(c, v4, p.RTP, []byte{byte(i)})
		}
	}
	next := [3]byte{}
	for _, d := range r.sweep(0) {
		if d.Data[0] != next[d.Tag] {
			t.Fatalf("tag %d: number %d instead of %d", d.Tag, d.Data[0], next[d.Tag])
		}
		next[d.Tag]++
	}
	if next != [3]byte{50, 50, 50} {
		t.Errorf("one sweep read %v of 50 each", next)
	}
}

// dropInSweep: a pair dropped between two Reads of one sweep costs the others
// nothing; they may have their turn in the next sweep.
func dropInSweep(t *testing.T, r *rig) {
	for dropped := range capture.Tag(3) {
		r.make()
		r.batch = capture.NewBatch(1)
		c := r.sender(v4)
		for tag := range capture.Tag(3) {
			p := r.open(tag, 0, v4)
			for range 20 {
				r.send(c, v4, p.RTP, nil)
			}
		}
		got := map[capture.Tag]int{}
		for range 2 { // into the second pair
			if more, err := r.set.Read(r.batch, 0, r.now()); err != nil || !more {
				t.Fatalf("a full batch: more %v, %v", more, err)
			}
			for _, d := range r.batch.Datagrams {
				got[d.Tag]++
			}
		}
		r.drop(dropped)
		delete(got, dropped)
		for range 2 {
			for _, d := range r.sweep(0) {
				got[d.Tag]++
			}
		}
		if got[dropped] != 0 || got[(dropped+1)%3] != 20 || got[(dropped+2)%3] != 20 {
			t.Errorf("tag %d dropped: %v came, want 20 of each other", dropped, got)
		}
		if err := r.set.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// slotsApart: a Read sees the pairs of its slot only, and not what was dropped.
func slotsApart(t *testing.T, r *rig) {
	r.make()
	c := r.sender(v4)
	for tag := range capture.Tag(4) {
		r.send(c, v4, r.open(tag, int(tag)/2, v4).RTP, []byte{byte(tag)})
	}
	r.drop(2)
	if got := r.sweep(1); len(got) != 1 || got[0].Tag != 3 {
		t.Errorf("slot 1 without tag 2 read %+v", got)
	}
	if got := r.sweep(0); len(got) != 2 {
		t.Errorf("slot 0 read %+v", got)
	}
	if got := r.sweep(3); len(got) != 0 {
		t.Errorf("slot 3 read %+v", got)
	}
}

// sends: a datagram leaves from the port asked for, whole, and to whoever is not
// there costs nothing.
func sends(t *testing.T, r *rig) {
	r.make()
	for tag, addr := range []netip.Addr{v4, v6} {
		p := r.open(capture.Tag(tag), 0, addr)
		c := r.sender(addr)
		to := c.LocalAddr().(*net.UDPAddr).AddrPort()
		if err := c.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 2048)
		for n, from := range []uint16{p.RTP, p.RTCP} {
			data := bytes.Repeat([]byte{byte(n)}, 1200*n)
			if err := r.set.Send(capture.Tag(tag), from == p.RTCP, netip.AddrPortFrom(netip.AddrFrom16(addr.As16()), to.Port()), data); err != nil {
				t.Fatal(err)
			}
			got, came, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				t.Fatal(err)
			}
			if came != netip.AddrPortFrom(addr, from) || !bytes.Equal(buf[:got], data) {
				t.Errorf("%d bytes from %v, want %d from %v port %d", got, came, len(data), addr, from)
			}
		}
		_ = c.Close()
		for range 3 { // the kernel is told that nobody is there
			if err := r.set.Send(capture.Tag(tag), true, to, []byte("anybody?")); err != nil {
				t.Error(err)
			}
		}
		other := r.sender(addr)
		r.send(other, addr, p.RTCP, []byte("report"))
		if got := r.receive(0, 1); string(got[0].Data) != "report" {
			t.Errorf("after sending to nobody came %+v", got)
		}
	}
	if s := r.set.Stats(); s.ReadErrors != 0 {
		t.Errorf("%d reads failed", s.ReadErrors)
	}
}

func wrongUse(t *testing.T, r *rig) {
	r.make()
	r.open(1, 0, v4)
	refused := func(what string, err error) {
		t.Helper()
		if err == nil || errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	_, err := r.set.Open(1, 0, v4)
	refused("the same tag twice", err)
	_, err = r.set.Open(2, r.cfg.Slots, v4)
	refused("a slot too far", err)
	_, err = r.set.Read(r.batch, -1, r.now())
	refused("a slot below 0", err)
	refused("a tag without ports", r.set.Drop(3, 0))
	refused("sending from a tag without ports", r.set.Send(3, true, netip.AddrPortFrom(v4, 9), nil))
	refused("sending to nobody", r.set.Send(1, true, netip.AddrPort{}, nil))
	refused("sending to port 0", r.set.Send(1, true, netip.AddrPortFrom(v4, 0), nil))
	refused("sending to another family", r.set.Send(1, true, netip.AddrPortFrom(v6, 9), nil))
	refused("sending more than a datagram holds", r.set.Send(1, true, netip.AddrPortFrom(v4, 9), make([]byte, 1<<16)))
	r.stats(7, 1, 0)
}

func closes(t *testing.T, r *rig) {
	r.make()
	r.open(1, 0, v4)
	r.open(2, 0, v6)
	r.drop(2)
	if err := r.set.Close(); err != nil {
		t.Fatal(err)
	}
	_, opened := r.set.Open(3, 0, v4)
	_, read := r.set.Read(r.batch, 0, r.now())
	for _, err := range []error{opened, read, r.set.Drop(1, 0), r.set.Send(1, true, netip.AddrPortFrom(v4, 9), nil)} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
	if err := r.set.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// allocations: a Read makes no garbage.
func allocations(t *testing.T, r *rig) {
	r.make()
	p4, p6 := r.open(1, 0, v4), r.open(2, 0, v6)
	c4, c6 := r.sender(v4), r.sender(v6)
	to4, to6 := netip.AddrPortFrom(v4, p4.RTP), netip.AddrPortFrom(v6, p6.RTP)
	data := binary.BigEndian.AppendUint64(nil, 1)
	nobody4, nobody6 := netip.AddrPortFrom(v4, 9), netip.AddrPortFrom(v6, 9)
	if n := testing.AllocsPerRun(100, func() {
		if err := errors.Join(r.set.Send(1, true, nobody4, data), r.set.Send(2, false, nobody6, data)); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations in two Sends", n)
	}
	got := 0
	if n := testing.AllocsPerRun(100, func() {
		_, err4 := c4.WriteToUDPAddrPort(data, to4)
		_, err6 := c6.WriteToUDPAddrPort(data, to6)
		_, err := r.set.Read(r.batch, 0, r.now())
		if err != nil || err4 != nil || err6 != nil {
			t.Error(err, err4, err6)
		}
		got += len(r.batch.Datagrams)
	}); n != 0 || got == 0 {
		t.Errorf("%v allocations a Read; %d datagrams came", n, got)
	}
}

// openFiles counts the files of this process, where it can.
func openFiles() int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(names)
}

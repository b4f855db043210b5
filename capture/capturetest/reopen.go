package capturetest

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"callrec/capture"
)

// reopens: a Set gets the very pairs that one before it had, each receives, and
// what is free otherwise is handed out as ever.
func reopens(t *testing.T, r *rig) {
	r.make()
	first, second, other := r.open(1, 0, v4), r.open(2, 1, v4), r.open(3, 2, v6)
	r.drop(1) // resting, which no other Set will know
	if err := r.set.Close(); err != nil {
		t.Fatal(err)
	}
	r.make()
	for i, p := range []capture.Ports{second, other} {
		if err := r.set.Reopen(capture.Tag(7+i), i, p); err != nil {
			t.Fatal(err)
		}
	}
	r.stats(6, 2, 0)
	for i, p := range []capture.Ports{second, other} {
		c := r.sender(p.Addr)
		r.send(c, p.Addr, p.RTP, []byte("audio"))
		r.send(c, p.Addr, p.RTCP, []byte("report"))
		for _, d := range r.receive(i, 2) {
			if d.Tag != capture.Tag(7+i) || d.RTCP != (string(d.Data) == "report") {
				t.Errorf("got %+v", d)
			}
		}
	}
	if p := r.open(9, 0, v4); p.RTP != first.RTP {
		t.Errorf("the next to be opened is %d, want %d", p.RTP, first.RTP)
	}
	r.drop(7)
	r.stats(5, 2, 1)
}

// reopensNothingElse: a pair that cannot be had is left alone, and the tag with it.
func reopensNothingElse(t *testing.T, r *rig) {
	r.cfg.Addrs, r.cfg.Of, r.cfg.Share = []netip.Addr{v4}, 2, 1
	r.make()
	pair := func(addr netip.Addr, rtp uint16) capture.Ports {
		return capture.Ports{Addr: addr, RTP: rtp, RTCP: rtp + 1}
	}
	mine, held := r.open(1, 0, v4), r.cfg.FirstPort+6
	other, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(v4, held+1)))
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]capture.Ports{
		"open":                    mine,
		"of another share":        pair(v4, r.cfg.FirstPort),
		"below the range":         pair(v4, r.cfg.FirstPort-2),
		"above the range":         pair(v4, r.cfg.LastPort+1),
		"odd":                     pair(v4, r.cfg.FirstPort+3),
		"of another address":      pair(v6, held),
		"half held by another":    pair(v4, held),
		"not a pair":              {Addr: v4, RTP: held, RTCP: held},
		"no address and no ports": {},
	} {
		if err := r.set.Reopen(2, 0, p); err == nil {
			t.Errorf("opened one that is %s", name)
		}
	}
	r.stats(1, 1, 0)
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if r.set.Reopen(1, 0, pair(v4, held)) == nil || r.set.Reopen(2, 99, pair(v4, held)) == nil {
		t.Error("a tag was used twice, or a slot that there is not")
	}
	if err := r.set.Reopen(2, 0, pair(v4, held)); err != nil {
		t.Error(err)
	}
	r.drop(2)
	if r.set.Reopen(3, 0, pair(v4, held)) == nil {
		t.Error("opened one that rests")
	}
	_ = r.set.Close()
	if err := r.set.Reopen(4, 0, mine); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

package capturetest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"callrec/capture"
)

// onePair leaves the Set a single pair of IPv4, so that its state is the Set's.
func (r *rig) onePair() {
	r.cfg.Addrs, r.cfg.LastPort = []netip.Addr{v4}, r.cfg.FirstPort+3
	r.cfg.FirstPort++
	r.make()
}

// rests: a pair is free 60 s after it was dropped, and no sooner; what it held
// when it was dropped neither comes nor counts.
func rests(t *testing.T, r *rig) {
	r.onePair()
	p := r.open(1, 0, v4)
	c := r.sender(v4)
	r.send(c, v4, p.RTP, []byte("the last words"))
	r.send(c, v4, p.RTCP, []byte("bye"))
	r.drop(1)
	r.skip = 59 * time.Second
	r.sweep(0)
	r.stats(0, 0, 1)
	if _, err := r.set.Open(2, 0, v4); err == nil {
		t.Fatal("a resting pair was opened")
	}
	r.skip = time.Minute
	r.sweep(1) // whatever slot
	r.stats(1, 0, 0)
	r.open(2, 0, v4)
	if got := r.sweep(0); len(got) != 0 {
		t.Errorf("the next call got %+v", got)
	}
}

// restsLonger: a stray packet on either port makes the rest begin again.
func restsLonger(t *testing.T, r *rig) {
	r.onePair()
	p := r.open(1, 0, v4)
	c := r.sender(v4)
	r.drop(1)
	for i, port := range []uint16{p.RTP, p.RTCP} {
		// The kernel's own time has not moved, so when it came is not told from
		// its stamp: the rest begins when it is found.
		r.send(c, v4, port, []byte("stray"))
		r.skip = time.Duration(i+1)*time.Minute - time.Second/2
		for until := time.Now().Add(20 * time.Millisecond); time.Now().Before(until); {
			r.sweep(0)
		}
	}
	r.skip += 59 * time.Second
	r.sweep(0)
	r.stats(0, 0, 1)
	r.skip += time.Second
	r.sweep(0)
	r.stats(1, 0, 0)
}

// reusesInOrder: the pair that has been free the longest is next.
func reusesInOrder(t *testing.T, r *rig) {
	r.cfg.Addrs = []netip.Addr{v4}
	r.make()
	var ports []uint16
	for tag := range capture.Tag(4) {
		ports = append(ports, r.open(tag, 0, v4).RTP)
	}
	r.stats(0, 4, 0)
	order := []capture.Tag{2, 0, 3, 1}
	for _, tag := range order {
		r.drop(tag)
		r.skip += time.Second
	}
	r.stats(0, 0, 4)
	r.skip += 58 * time.Second
	r.sweep(0)
	r.stats(3, 0, 1)
	r.skip += time.Second
	r.sweep(0)
	r.stats(4, 0, 0)
	for i, tag := range order {
		if p := r.open(capture.Tag(10+i), 0, v4); p.RTP != ports[tag] {
			t.Errorf("the %d. to be opened is %d, want %d", i+1, p.RTP, ports[tag])
		}
	}
}

// skipsTaken: half a pair of another program is left alone, and tried again
// after all others.
func skipsTaken(t *testing.T, r *rig) {
	other, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(v4, r.cfg.FirstPort+1)))
	if err != nil {
		t.Fatal(err)
	}
	r.cfg.Addrs = []netip.Addr{v4}
	r.make()
	for tag := range capture.Tag(3) {
		if p := r.open(tag, 0, v4); p.RTP != r.cfg.FirstPort+2+2*uint16(tag) {
			t.Errorf("opened %d", p.RTP)
		}
	}
	var full *capture.NoPortsError
	if _, err := r.set.Open(9, 0, v4); !errors.As(err, &full) || full.Taken != 1 || full.Free != 1 {
		t.Errorf("with one pair taken: %v", err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if p := r.open(9, 0, v4); p.RTP != r.cfg.FirstPort {
		t.Errorf("opened %d", p.RTP)
	}
}

// noPorts: the error counts, and names the flag.
func noPorts(t *testing.T, r *rig) {
	r.cfg.Addrs, r.cfg.Of, r.cfg.Share = []netip.Addr{v4}, 2, 1
	r.make()
	if p := r.open(1, 0, v4); p.RTP != r.cfg.FirstPort+2 {
		t.Errorf("share 1 of 2 begins with %d", p.RTP)
	}
	r.open(2, 0, v4)
	r.drop(2)
	_, err := r.set.Open(3, 0, v4)
	var full *capture.NoPortsError
	if !errors.As(err, &full) {
		t.Fatalf("no ports left: %v", err)
	}
	if full.Pairs != 2 || full.Open != 1 || full.Resting != 1 || full.Free != 0 {
		t.Errorf("counts %+v", full)
	}
	want := fmt.Sprintf("range %d-%d has 0 of 2 pairs free (1 in calls, 1 resting 60s after their last packet), need 1 (--rtp-ports)",
		r.cfg.FirstPort, r.cfg.LastPort)
	if !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error %q, want …%q", err, want)
	}
}

package capturetest

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"callrec/capture"
)

var _ capture.Set = (*Fake)(nil)

func TestFake(t *testing.T) {
	f := NewFake(30000, 2)
	f.Limit = 2
	r := &rig{t: t, set: f, batch: capture.NewBatch(1)}
	p := r.open(7, 0, v4)
	r.open(8, 1, v4)
	var full *capture.NoPortsError
	if _, err := f.Open(9, 1, v4); !errors.As(err, &full) {
		t.Errorf("a third pair of two: %v", err)
	}
	from := netip.MustParseAddrPort("192.0.2.7:4000")
	for i := range 40 {
		at := time.Duration((i*7)%40) * time.Second // out of order
		if !f.Push(7, false, from, at, []byte{byte(at / time.Second)}) {
			t.Fatal("push to an open tag")
		}
	}
	f.Push(8, false, from, 0, []byte("the other slot"))
	if f.Push(9, false, from, 0, nil) || f.PushTo(p.RTP+20, from, 0, nil) || !f.PushTo(p.RTCP, from, 50*time.Second, nil) {
		t.Error("a push tells whether somebody listens")
	}
	want := byte(0)
	for more := true; more; {
		var err error
		if more, err = f.Read(r.batch, 0, capture.Instant{Mono: 35 * time.Second}); err != nil {
			t.Fatal(err)
		}
		for _, d := range r.batch.Datagrams {
			if d.Data[0] != want || d.At != time.Duration(want)*time.Second || d.From != from || d.RTCP {
				t.Fatalf("datagram %d is %+v", want, d)
			}
			want++
		}
	}
	if want != 36 || f.Waiting() != 4+1+1 {
		t.Errorf("%d read by 35 s, %d waiting", want, f.Waiting())
	}
	if err := f.Drop(7, 0); err != nil || f.Waiting() != 1 {
		t.Errorf("Drop: %v, %d waiting", err, f.Waiting())
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.Read(r.batch, 0, capture.Instant{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

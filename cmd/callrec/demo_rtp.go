package main

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
)

// What telephones send: a packet every 20 ms, of 8000 octets a second.
const (
	packetEvery  = 20 * time.Millisecond
	packetOctets = 160
	telephony    = 8000 // samples a second
)

// talk tells when what was sent.
type talk struct {
	packets int     // of each leg
	first   [2]span // from when a leg's first packet was due to when it was on its way
}

// talk sends both legs, packet by packet as they are due, and returns when the
// last has been played. progress is called now and then with how many packets of
// each leg are out; the sending is a goroutine of its own, because it must not
// wait for a terminal.
func (s *sbc) talk(ctx context.Context, c channelAnswer, speech [2][]byte, progress func(packets int)) (talk, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var to [2]netip.AddrPort
	for i, l := range c.Legs {
		to[i] = netip.AddrPortFrom(l.Address, l.RTPPort)
	}
	var sent atomic.Int64
	var t talk
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		t, err = s.send(ctx, to, speech, &sent)
	}()
	redraw := time.NewTicker(100 * time.Millisecond)
	defer redraw.Stop()
	for {
		select {
		case <-redraw.C:
			progress(int(sent.Load()))
		case <-done:
			if err == nil {
				progress(t.packets)
			}
			return t, err
		}
	}
}

// send keeps to a timetable that begins now: a packet that went late does not
// delay the ones after it. The callee's telephone is half a packet behind the
// caller's, since two clocks never agree.
func (s *sbc) send(ctx context.Context, to [2]netip.AddrPort, speech [2][]byte, sent *atomic.Int64) (t talk, err error) {
	var headers [2]rtp.Header
	for i := range headers {
		h := &headers[i]
		h.Version, h.PayloadType, h.Marker = 2, 0, true // PCMU; the marker begins a talkspurt (RFC 3551 §4.1)
		h.SequenceNumber, h.Timestamp, h.SSRC = randomStart()
	}
	wait := time.NewTimer(0)
	defer wait.Stop()
	until := func(due time.Time) error {
		wait.Reset(time.Until(due))
		select {
		case <-wait.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var buf [12 + packetOctets]byte
	start := time.Now()
	for ; t.packets*packetOctets < len(speech[0]); t.packets++ {
		for leg := range headers {
			h := &headers[leg]
			due := start.Add(time.Duration(t.packets)*packetEvery + time.Duration(leg)*packetEvery/2)
			if err := until(due); err != nil {
				return t, err
			}
			p := rtp.Packet{Header: *h, Payload: speech[leg][t.packets*packetOctets:][:packetOctets]}
			n, err := p.MarshalTo(buf[:])
			if err != nil {
				return t, fmt.Errorf("cannot make an RTP packet: %w", err)
			}
			if _, err := s.conns[leg].WriteToUDPAddrPort(buf[:n], to[leg]); err != nil {
				return t, fmt.Errorf("cannot send to %v: %w", to[leg], err)
			}
			if t.packets == 0 {
				t.first[leg] = span{due, time.Now()}
			}
			h.SequenceNumber++
			h.Timestamp += packetOctets
			h.Marker = false
		}
		sent.Store(int64(t.packets + 1))
	}
	// The last packets hold sound for 20 ms more, and parties take a moment.
	return t, until(start.Add(time.Duration(t.packets)*packetEvery + 5*packetEvery))
}

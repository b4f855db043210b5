package recording_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/pion/rtp"

	"callrec/codec/g711"
	"callrec/recording"
)

// flood is what comes to one leg's port besides its own stream.
type flood struct {
	name  string
	from  netip.AddrPort
	ssrc  func(*rand.Rand) uint32
	spoil bool // the leg's own stream cannot be told from it
}

// A flood at one leg's port changes no bit of the calls beside it; nor of the leg's
// own, while it can be told from it. It costs time, and no memory.
func TestFloodsStayWhereTheyAre(t *testing.T) {
	const length, neighbours, each = 4 * second, 6, 5000 // packets a turn
	anySSRC := func(r *rand.Rand) uint32 { return r.Uint32() }
	run := func(f *flood) (files [][]int16, grown int64) {
		inWorld(t, func(w *world) {
			var infos []recording.CallInfo
			var parties []*sender
			for i := range neighbours + 1 {
				info := w.announce(fmt.Sprint("call", i), `{"channels":"stereo"}`)
				infos = append(infos, info)
				for leg := range 2 {
					parties = append(parties, &sender{
						w: w, leg: 2*i + leg, port: info.Legs[leg].Ports.RTP, size: 160,
						from:  netip.AddrPortFrom(callerFrom.Addr(), 40000),
						truth: &truth{}, next: rtp.Header{Version: 2, SSRC: 7, SequenceNumber: 9, Timestamp: 11},
					})
				}
			}
			r := rand.New(rand.NewPCG(1, 5))
			var before, after runtime.MemStats
			for turn := range int(length / (200 * ms)) {
				for _, p := range parties {
					p.talk(200 * ms)
				}
				if f != nil && turn >= 7 { // the victim's stream has its place
					for i := range each {
						p := rtp.Packet{Header: rtp.Header{
							Version: 2, PayloadType: uint8(8 * r.IntN(2)), SSRC: f.ssrc(r), SequenceNumber: uint16(r.Uint32()), Timestamp: r.Uint32(),
						}, Payload: said(99, i, r.IntN(200))}
						b, err := p.Marshal()
						if err != nil {
							w.t.Fatal(err)
						}
						w.push(parties[0].port, f.from, time.Duration(turn)*200*ms+time.Duration(i)*200*ms/each, b)
					}
				}
				w.sleep(200 * ms)
				if turn == 9 {
					runtime.GC()
					runtime.ReadMemStats(&before)
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			grown = int64(after.HeapAlloc) - int64(before.HeapAlloc)
			for _, info := range infos {
				w.do(info.Spec.ID.Call, recording.Command{Action: recording.Hangup})
			}
			for i, info := range infos {
				f := w.file(info.Recordings[0].ID)
				files = append(files, f.wav(t, rate, 2))
				if got := len(files[i]); got != 2*samples(length) {
					t.Errorf("call %d: %d samples, want %d", i, got, 2*samples(length))
				}
			}
		})
		return files, grown
	}
	calm, _ := run(nil)
	for leg, got := range parted(calm[1]) {
		want := make([]int16, samples(length))
		g711.Decode(g711.MuLaw, want, said(2+leg, 0, len(want)))
		same(t, "without a flood", got, want)
	}
	ours := netip.AddrPortFrom(callerFrom.Addr(), 40000)
	for _, f := range []flood{
		{name: "a stranger", from: netip.MustParseAddrPort("203.0.113.5:4000"), ssrc: anySSRC},
		{name: "another port of the sender", from: callerFrom, ssrc: func(*rand.Rand) uint32 { return 7 }},
		{name: "the sender, with an SSRC in each packet", from: ours, ssrc: anySSRC},
		{name: "the sender, with its own SSRC", from: ours, ssrc: func(*rand.Rand) uint32 { return 7 }, spoil: true},
	} {
		files, grown := run(&f)
		for i := range files {
			if i == 0 && f.spoil {
				continue
			}
			same(t, fmt.Sprintf("%s: call %d", f.name, i), files[i], calm[i]) // 0 is the flooded one
		}
		if grown > 2<<20 {
			t.Errorf("%s: %d KB more are in use", f.name, grown>>10)
		}
		t.Logf("%s: %d KB more in use after ten turns", f.name, grown>>10)
	}
}

package recording_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"callrec/capture"
	"callrec/codec/g711"
	"callrec/recording"
	"callrec/upload/spool"
)

// punctual is a set of ports that notes how long its slots had to wait for their turn.
type punctual struct {
	capture.Set
	mu    sync.Mutex
	last  map[int]time.Duration // nil while nobody looks
	worst time.Duration
}

func (p *punctual) look(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last = nil; on {
		p.last = map[int]time.Duration{}
	}
}

func (p *punctual) Read(b *capture.Batch, slot int, now capture.Instant) (bool, error) {
	p.mu.Lock()
	if was, ok := p.last[slot]; ok {
		p.worst = max(p.worst, now.Mono-was)
	}
	if p.last != nil {
		p.last[slot] = now.Mono
	}
	p.mu.Unlock()
	return p.Set.Read(b, slot, now)
}

// slowDisk takes 200 ms for a write and a second for a sync.
func slowDisk(op, _ string) error {
	switch op {
	case "write":
		time.Sleep(200 * ms)
	case "sync", "syncdir", "syncfs":
		time.Sleep(second)
	}
	return nil
}

// A slow disk costs running calls nothing while what waits for it has room.
// Past that they get silence of the same length, counted. In no case does a shard
// wait for it, and an announcement not for long.
func TestSlowDisk(t *testing.T) {
	for _, c := range []struct {
		calls int
		queue int64
		loses bool
	}{{4, 0, false}, {20, 0, false}, {12, 150_000, true}} {
		disk := func(c2 *spool.Config) { c2.QueueBytes, c2.Fault = c.queue, slowDisk }
		p := &punctual{}
		inWorldOn(t, disk, func(w *world) {
			var infos []recording.CallInfo
			var talks []talk
			var starts []time.Duration // of the talks, in samples of their calls
			for i := range c.calls {
				before := w.now()
				infos = append(infos, w.announce(fmt.Sprint("c", i), `{}`))
				took := w.now() - before
				if starts = append(starts, took*rate/second); took > 100*ms {
					t.Errorf("the announcement took %v", took)
				}
				k := talk{from: callerFrom, start: w.now(), octets: babble(16*rate, uint64(i), g711.MuLaw), ssrc: 1}
				for j := range k.octets { // louder than silence at every sample
					if k.octets[j]&0x7f > 0x60 {
						k.octets[j] = 0x20
					}
				}
				w.send(infos[i].Legs[0].Ports.RTP, k)
				talks = append(talks, k)
			}
			p.look(true)
			w.sleep(12 * second)
			p.look(false)
			over := time.Now() // an answer comes once the manifest is safe, or after a second
			var wait sync.WaitGroup
			for i := range infos {
				wait.Go(func() { w.do(fmt.Sprint("c", i), recording.Command{Action: recording.Hangup, At: over}) })
			}
			wait.Wait()
			w.sleep(300 * second)
			lost := 0
			for i, info := range infos {
				f := w.file(info.Recordings[0].ID)
				got := f.wav(t, rate, 1)
				n := int(over.Sub(info.Recordings[0].Started) * rate / second)
				want := newExpect(n)
				want.hear(0, int(starts[i]), talks[i].octets, g711.MuLaw)
				if len(got) != n {
					t.Fatalf("call %d: %d samples, want %d", i, len(got), n)
				}
				silent := 0
				for j, s := range want.mono(0, n) {
					if got[j] == 0 {
						if j < int(starts[i]) {
							continue // nobody spoke yet
						}
						silent++
					} else if got[j] != s {
						t.Fatalf("call %d: sample %d is %d, want %d or silence", i, j, got[j], s)
					}
				}
				q := quality(t, f).LostToDisk
				if silent != int(q*8) {
					t.Errorf("call %d: %d samples are silent, %v ms counted", i, silent, q)
				}
				lost += silent
			}
			if (lost > 0) != c.loses {
				t.Errorf("%d calls, queue of %d: %d samples were lost", c.calls, c.queue, lost)
			}
		}, func(cfg *recording.Config) {
			p.Set = cfg.Sets[0]
			cfg.Sets[0] = p
		})
		if p.worst != 200*ms {
			t.Errorf("%d calls: a slot waited %v for its turn", c.calls, p.worst)
		}
	}
}

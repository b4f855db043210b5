package recording_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"callrec/capture"
	"callrec/capture/capturetest"
	"callrec/recording"
)

func callSpec(id string, requests ...recording.Request) recording.CallSpec {
	return recording.CallSpec{ID: recording.CallID{Account: "acc", Call: id}, At: time.Now(), Start: requests}
}

// While one shard has ports, a call is not refused because another has none.
func TestPortsOfAnyShard(t *testing.T) {
	inWorld(t, func(w *world) {
		w.announce("a", `{}`) // all ports of the first shard
		w.announce("b")       // no ports, but a call of the second
		w.announce("c", `{}`)
		w.announce("d", `{}`) // all ports of the second shard
		if n := w.m.Stats().Shards; n[0] != 1 || n[1] != 3 {
			t.Errorf("%v calls, want 1 and 3", n)
		}
		var full *recording.RefusedError
		if _, _, err := w.m.Announce(w.t.Context(), callSpec("e", request(t, `{}`))); !errors.As(err, &full) {
			t.Errorf("a call that there are no ports for: %v", err)
		}
		if n := w.m.Stats().Shards; n[0] != 1 || n[1] != 3 {
			t.Errorf("%v calls after one was refused", n)
		}
	}, func(c *recording.Config) {
		c.Sets[0].(*capturetest.Fake).Limit = 2
		other := capturetest.NewFake(30000, recording.Slots)
		other.Limit = 4
		c.Sets = append(c.Sets, other)
	})
}

// readsCounted counts the reads of a set of ports.
type readsCounted struct {
	capture.Set
	n atomic.Int64
}

func (s *readsCounted) Read(b *capture.Batch, slot int, now capture.Instant) (bool, error) {
	s.n.Add(1)
	return s.Set.Read(b, slot, now)
}

// Many announcements at once do not each read the ports of the calls before. After a
// long rest each slot has its turn once, at the same instant.
func TestAnnouncingReadsNoPorts(t *testing.T) {
	var set *readsCounted
	inWorld(t, func(w *world) {
		w.sleep(second)
		before := set.n.Load()
		for i := range 200 {
			w.announce(fmt.Sprint(i), `{}`)
		}
		if n := set.n.Load() - before; n > 1+recording.Slots {
			t.Errorf("%d reads for 200 announcements at one instant", n)
		}
	}, func(c *recording.Config) {
		set = &readsCounted{Set: c.Sets[0]}
		c.Sets[0] = set
	})
}

// A client that goes away while a shard is busy takes nobody else's announcement
// of the same call with it, and leaves nothing behind.
func TestAnnouncerGoesAway(t *testing.T) {
	const waiting = 256    // requests that a shard lets wait
	var hold chan struct{} // of the bubble, which a mutex is not
	inWorld(t, func(w *world) {
		var all sync.WaitGroup
		for i := range waiting + 1 {
			all.Go(func() {
				if _, _, err := w.m.Announce(w.t.Context(), callSpec(fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			})
		}
		// The shard holds at the first call; what follows is beyond its inbox.
		w.sleep(100 * ms)
		ctx, leave := context.WithCancel(w.t.Context())
		var errs [3]error
		var created [3]bool
		for i, ctx := range []context.Context{ctx, w.t.Context(), w.t.Context()} {
			all.Go(func() { _, created[i], errs[i] = w.m.Announce(ctx, callSpec("c")) })
			w.sleep(100 * ms)
		}
		leave()
		w.sleep(100 * ms)
		close(hold)
		all.Wait()
		if !errors.Is(errs[0], context.Canceled) || errs[1] != nil || errs[2] != nil || created[1] == created[2] {
			t.Errorf("errors %v, created %v; want one cancelled, one created, one again", errs, created)
		}
		if n := w.m.Stats().Calls; n != waiting+2 {
			t.Errorf("%d calls", n)
		}
	}, func(c *recording.Config) {
		hold = make(chan struct{})
		c.OnEvent = func(recording.Event) { <-hold }
	})
}

// Announcements that cross each other make one call of one id, and all callers
// are told of it; hang-ups that cross them leave nothing that lasts.
func TestAnnouncementsCross(t *testing.T) {
	inWorld(t, func(w *world) {
		for range 20 {
			var all sync.WaitGroup
			var mu sync.Mutex
			made := map[string]int{}
			spec := callSpec("same", request(t, `{}`))
			for range 8 {
				all.Go(func() {
					info, created, err := w.m.Announce(w.t.Context(), spec)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					if created {
						made[info.Recordings[0].ID]++
					} else {
						made[info.Recordings[0].ID] += 0
					}
				})
			}
			all.Wait()
			if len(made) != 1 {
				t.Errorf("%v recordings told", made)
			}
			for id, n := range made {
				if n != 1 {
					t.Errorf("%s was made %d times", id, n)
				}
			}
			all.Go(func() {
				_, _ = w.m.Do(w.t.Context(), spec.ID, recording.Command{Action: recording.Hangup, At: time.Now()})
			})
			all.Go(func() { _, _, _ = w.m.Announce(w.t.Context(), spec) })
			all.Wait()
			_, _ = w.m.Do(w.t.Context(), spec.ID, recording.Command{Action: recording.Hangup, At: time.Now()})
		}
		w.sleep(3 * second)
		if s := w.m.Stats(); s.Calls != 0 || w.fake.Stats().Open != 0 {
			t.Errorf("%d calls and %d pairs of ports are left", s.Calls, w.fake.Stats().Open)
		}
		w.sleep(2 * time.Minute)
		if info, ok := w.m.Info(recording.CallID{Account: "acc", Call: "same"}); ok {
			t.Errorf("not forgotten: %+v", info)
		}
	})
}

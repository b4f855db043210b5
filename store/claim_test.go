package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"callrec/internal/testkit/natstest"
)

// Of all who claim a name at once, at two stores, one has it, now, later and after a restart.
func TestANameIsOnes(t *testing.T) {
	onBoth(t, func(t *testing.T, open func(Config) *Store) {
		s := open(Config{})
		stores := []*Store{s, s}
		if s.server == nil {
			stores[1] = open(Config{})
		}
		const names, claimants = 40, 6
		var mu sync.Mutex
		var wg sync.WaitGroup
		whose := map[string]string{}
		for n := range names {
			for i := range claimants {
				wg.Go(func() {
					name, by := fmt.Sprint("http://h/in\n", n), fmt.Sprint(i)
					mine, err := stores[i%2].Claim(t.Context(), name, by)
					mu.Lock()
					defer mu.Unlock()
					if err != nil || mine && whose[name] != "" {
						t.Errorf("%q is %s's and %s's: %v", name, whose[name], by, err)
					}
					if mine {
						whose[name] = by
					}
				})
			}
		}
		wg.Wait()
		if len(whose) != names {
			t.Fatalf("%d of %d names have an owner", len(whose), names)
		}
		closeTest(t, s)
		s = open(Config{})
		for name, by := range whose {
			for i := range claimants {
				if mine, err := s.Claim(t.Context(), name, fmt.Sprint(i)); err != nil || mine != (by == fmt.Sprint(i)) {
					t.Errorf("%q is %s's; of %d it is %v, %v", name, by, i, mine, err)
				}
			}
		}
	})
}

// While NATS is away nobody gets a name, and nobody waits longer than they want to.
func TestNoNamesWhileNATSIsAway(t *testing.T) {
	o := natstest.Start(t)
	s := openTest(t, Config{URL: o.URL()})
	o.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if mine, err := s.Claim(ctx, "n", "a"); mine || !errors.Is(err, ErrUnavailable) {
		t.Errorf("%v, %v", mine, err)
	}
	o.Start()
}

package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"callrec/upload/spool"
)

// lookEvery is how often memory and the free space of the spool's disk are read.
const lookEvery = 500 * time.Millisecond

// space decides who may still fill the disk. As it fills, new calls are refused
// first, then further recordings of live calls; what is being recorded goes on to
// the last byte. An account that fills its quota, because its receiver is down,
// is refused alone. Reading the disk may take long on a bad day, so a goroutine
// does that, and nobody who asks waits. Memory is looked at beside it.
type space struct {
	dir        string
	forCalls   int64 // bytes free below which new calls are refused
	forBegin   int64 // below which recordings are not begun
	fixed      int64 // bytes an account may have in the spool, as it was set; 0: half of what there is room for
	spool      *spool.Spool
	memory     memory
	free       atomic.Int64 // as last read; negative: it cannot be read
	quota      atomic.Int64 // fixed, or as last reckoned
	stop, done chan struct{}
}

// watchSpace starts looking, before there is a call; live counts them.
func watchSpace(cfg *workerConfig, sp *spool.Spool, live func() int) (*space, error) {
	s := &space{
		dir: cfg.data, forCalls: cfg.minFree, forBegin: cfg.minFreeBegin, fixed: cfg.spoolQuota, spool: sp,
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	free, err := diskSpace(s.dir)
	if err != nil {
		return nil, fmt.Errorf("cannot tell how full the disk under %s is (--data): %w", s.dir, err)
	}
	s.saw(free, sp.Stats().BytesOnDisk)
	s.memory.begin(cfg.maxMemory, live)
	go s.watch()
	return s, nil
}

func (s *space) watch() {
	defer close(s.done)
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-t.C:
		}
		s.memory.look()
		free, err := diskSpace(s.dir)
		if err != nil {
			free = -1
		}
		s.saw(free, s.spool.Stats().BytesOnDisk)
	}
}

// saw takes in what the disk has free, negative when that cannot be read, and what
// the spool holds of it. The quota is half of the room that recordings can have:
// what others keep on the disk is not ours to promise, and what one account has
// taken must leave as much for the rest.
func (s *space) saw(free, held int64) {
	s.free.Store(free)
	switch {
	case s.fixed > 0:
		s.quota.Store(s.fixed)
	case free >= 0:
		s.quota.Store(max(0, free+held-s.forCalls) / 2)
	}
}

func (s *space) close() {
	close(s.stop)
	<-s.done
}

// whole says why nobody's new calls are taken, if so.
func (s *space) whole() error {
	if err := s.below(s.forCalls, "new calls", "--min-free"); err != nil {
		return err
	}
	return s.memory.full()
}

func (s *space) below(mark int64, what, flag string) error {
	switch free := s.free.Load(); {
	case free < 0:
		return fmt.Errorf("cannot tell how full the disk under %s is, and %s need %d MB (--data)", s.dir, what, mark>>20)
	case free < mark:
		return fmt.Errorf("the disk under %s has %d MB left, %s need %d (--data, %s)", s.dir, free>>20, what, mark>>20, flag)
	}
	return nil
}

// admit says why an account's new call is not taken, if so.
func (s *space) admit(account string) error {
	if err := s.whole(); err != nil {
		return err
	}
	if held, quota := s.spool.Held(account), s.quota.Load(); held > 0 && held >= quota {
		return fmt.Errorf("%d MB of this account's recordings wait to be delivered, its quota is %d (--spool-quota)", held>>20, quota>>20)
	}
	return nil
}

// begin says why no further recording of a live call is begun, if so.
func (s *space) begin(string) error {
	return s.below(s.forBegin, "further recordings", "--min-free-recordings")
}

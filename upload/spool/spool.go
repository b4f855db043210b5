package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// ErrFull says that the disk is behind by Config.QueueBytes. Nothing was taken.
	ErrFull = errors.New("the queue to the spool's disk is full")
	// ErrClosed says that the spool, or the part, takes nothing any more.
	ErrClosed = errors.New("spool is closed")
)

// Config is what a Spool is made of. Dir is required.
type Config struct {
	Dir string // made with mode 0700 if it is not there; one owner at a time

	// OnReady is told of each recording that is ready, by a finisher or, for what
	// an earlier process left, by Open. It must not wait. nil: nobody is told.
	OnReady func(Ready)

	// OnLost is told by a finisher of each recording that went into quarantine
	// instead of becoming ready. nil: nobody is told.
	OnLost func(id string, err error)

	// OnSent is told of each receipt that Done leaves, and by Open of those that an
	// earlier process left; a receipt may be told of again. It must not wait. nil: Done
	// leaves none.
	OnSent func(Receipt)

	// Repair makes the audio of a torn part whole: f holds what reached the disk,
	// possibly nothing, possibly half a frame, possibly an earlier repair of it.
	// It may adjust DurationMS and Meta. An error, or a panic, quarantines the
	// recording, unless it is the disk's. nil: the bytes go as they are.
	Repair func(m *Manifest, f *os.File) error

	// KeepParts leaves the parts of an earlier process, as they are, to whoever asks
	// for the Leftovers, who may go on with them.
	KeepParts bool

	// SyncEvery is how often the disk is made to keep what running parts have
	// written, besides at their end; 0 means at their end only. Linux.
	SyncEvery time.Duration

	QueueBytes int64        // bound on bytes that wait for the disk; 0 means 256 MiB
	Finishers  int          // how many parts are synced at a time; 0 means 4
	Log        *slog.Logger // nil: nothing is logged

	// Fault is for tests, which make a disk slow or broken with it, or end the
	// world: it is called before each step on a file, and may wait or fail it.
	Fault func(op, file string) error
}

// Spool is one folder of recordings. Its methods may be called by anybody.
type Spool struct {
	// Never mutated.
	cfg     Config
	disk    disk
	lock    *os.File
	log     *slog.Logger
	writes  *fifo[op]
	jobs    *fifo[*job]
	journal journal       // the writer's
	behind  []*Part       // the writer's: whose writes wait for room on the disk
	sent    []string      // receipts found by Open, which alone uses it
	stop    chan struct{} // ends the syncer
	ended   chan struct{} // the goroutines are gone

	touching    atomic.Bool // the writer is to touch the journal
	dirty       atomic.Bool // something was written since the last sync of everything
	queued      atomic.Int64
	lost        atomic.Int64
	failed      atomic.Int64
	quarantined atomic.Int64
	unreadable  atomic.Int64
	syncFaults  atomic.Int64

	// mu guards the following.
	mu      sync.Mutex
	entries map[string]*entry
	calls   map[call]int     // recordings of a call that the spool holds
	held    map[string]int64 // bytes of audio by account
	opening []Ready          // found by Open, not nil until it announces them
	left    []Leftover       // until somebody asks for them
	memos   []LeftMemo       // likewise
	closed  bool
}

type call struct{ account, id string }

type state uint8

const (
	statePart state = iota
	stateReady
	stateParked
)

// entry is what is known in memory of one recording; its manifest stays on disk.
type entry struct {
	call  call
	size  int64 // of its audio on disk
	state state
	part  *Part  // while it is one
	class string // Delivery.Class, while it is parked
}

// Stats is a snapshot; counters count from Open.
type Stats struct {
	Parts, Ready, Parked int
	BytesQueued          int64 // accepted by Write or Update, not yet handed to the kernel
	BytesOnDisk          int64 // audio in the folder
	BytesLost            int64 // accepted by Write, then refused by the disk
	Failed               int64 // parts on which the disk failed
	Quarantined          int64 // files moved aside
	SyncFaults           int64 // syncs of running parts (SyncEvery) that failed
	Unreadable           int64 // recordings that Open could not read and left as they are
}

// Open takes the folder, finishes what an earlier process left half done, and
// announces every leftover, oldest first. Only the folder itself can make it
// fail; a file in it that makes no sense is moved aside and named in the log.
func Open(cfg Config) (*Spool, error) {
	if cfg.Dir == "" || cfg.QueueBytes < 0 || cfg.Finishers < 0 || cfg.SyncEvery < 0 {
		return nil, fmt.Errorf("cannot open spool %q: it needs a folder, and counts and times that are not negative", cfg.Dir)
	}
	if cfg.SyncEvery > 0 && !canSyncAll {
		return nil, fmt.Errorf("cannot open spool %q: this system cannot sync running recordings (--sync=finish)", cfg.Dir)
	}
	if cfg.QueueBytes == 0 {
		cfg.QueueBytes = 256 << 20
	}
	if cfg.Finishers == 0 {
		cfg.Finishers = 4
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot open spool %q: %w", cfg.Dir, err)
	}
	_ = SyncDir(filepath.Dir(cfg.Dir)) // where that cannot be done, the folder was made by somebody else
	lock, err := lockFolder(cfg.Dir, filepath.Join(cfg.Dir, lockFile))
	if err != nil {
		return nil, err
	}
	s := &Spool{
		cfg: cfg, lock: lock, log: cfg.Log,
		disk:   disk{dir: cfg.Dir, fault: cfg.Fault},
		writes: newFifo[op](), jobs: newFifo[*job](),
		stop: make(chan struct{}), ended: make(chan struct{}),
		entries: make(map[string]*entry), calls: make(map[call]int), held: make(map[string]int64),
		opening: []Ready{},
	}
	s.journal = journal{s: s, live: map[string]span{}}
	found, err := s.scan()
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("cannot open spool %q: %w", cfg.Dir, err)
	}
	s.recoverJournal() // the writer has not begun
	s.start()
	s.recoverAll(found)
	return s, nil
}

// start starts the writer and the finishers. They go in that order: when the
// writer has gone, nobody commits any more.
func (s *Spool) start() {
	var others sync.WaitGroup
	for range s.cfg.Finishers {
		others.Go(s.runFinisher)
	}
	if s.cfg.SyncEvery > 0 {
		others.Go(s.runSyncer)
	}
	go func() {
		s.runWriter()
		s.jobs.close()
		close(s.stop)
		others.Wait()
		close(s.ended)
	}()
}

// Holds reports whether the spool has a recording of this call, in any state.
func (s *Spool) Holds(account, callID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[call{account, callID}] > 0
}

// Stats counts.
func (s *Spool) Stats() Stats {
	st := Stats{
		BytesQueued: s.queued.Load(), BytesLost: s.lost.Load(),
		Failed: s.failed.Load(), Quarantined: s.quarantined.Load(),
		Unreadable: s.unreadable.Load(), SyncFaults: s.syncFaults.Load(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.held {
		st.BytesOnDisk += n
	}
	for _, e := range s.entries {
		switch e.state {
		case statePart:
			st.Parts++
		case stateReady:
			st.Ready++
		case stateParked:
			st.Parked++
		}
	}
	return st
}

// Flush hands what every part holds to the kernel and waits until that is done
// and every commit so far has been tried. Parts and Ready stay usable.
func (s *Spool) Flush(ctx context.Context) error {
	for _, p := range s.parts() {
		p.hand()
	}
	err := s.writes.idle(ctx)
	if err == nil {
		err = s.jobs.idle(ctx)
	}
	if err != nil {
		return fmt.Errorf("cannot flush spool %q in time, what is left is lost: %w", s.cfg.Dir, err)
	}
	return nil
}

// Close flushes and gives the folder up. Open parts stay parts; the next Open
// repairs them. Every later use of a Part or a Ready gives ErrClosed, so the
// deliverers close first. When ctx ends before the disk has taken everything,
// the folder stays locked until the process ends.
func (s *Spool) Close(ctx context.Context) error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if err := s.Flush(ctx); err != nil {
		return err
	}
	s.writes.close()
	<-s.ended
	for _, p := range s.parts() {
		p.end()
	}
	return s.lock.Close()
}

func (s *Spool) parts() []*Part {
	s.mu.Lock()
	defer s.mu.Unlock()
	var parts []*Part
	for _, e := range s.entries {
		if e.part != nil {
			parts = append(parts, e.part)
		}
	}
	return parts
}

// enter makes a recording known; it reports false if it already is.
func (s *Spool) enter(m *Manifest, e entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries[m.ID] != nil {
		return false
	}
	e.call, e.class = call{m.Account, m.CallID}, m.Delivery.Class
	s.entries[m.ID] = &e
	s.calls[e.call]++
	return true
}

// Held is how many bytes of audio the spool has of an account, in any state.
func (s *Spool) Held(account string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[account]
}

// grow notes that the audio of a recording has become longer by n bytes.
func (s *Spool) grow(id string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[id]; e != nil {
		e.size += n
		s.held[e.call.account] += n
	}
}

// leave forgets a recording whose files are gone.
func (s *Spool) leave(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[id]
	if e == nil {
		return
	}
	delete(s.entries, id)
	if s.calls[e.call]--; s.calls[e.call] == 0 {
		delete(s.calls, e.call)
	}
	if s.held[e.call.account] -= e.size; s.held[e.call.account] == 0 {
		delete(s.held, e.call.account)
	}
}

// announce changes a part to ready and tells.
func (s *Spool) announce(r Ready) {
	s.mu.Lock()
	if e := s.entries[r.name.ID]; e != nil {
		e.state, e.part = stateReady, nil
	}
	if s.opening != nil {
		s.opening = append(s.opening, r)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	s.tell(r)
}

func (s *Spool) tell(r Ready) {
	if s.cfg.OnReady != nil {
		s.cfg.OnReady(r)
	}
}

package testkit

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	sendBatch  = 64
	sendBuffer = 2048
	sendTick   = 500 * time.Microsecond // shortest sleep, so that batches fill
	longestNap = 50 * time.Millisecond  // to see the end of the context
	lateAfter  = 5 * time.Millisecond
)

// Sender sends a schedule of datagrams from a thread of its own.
type Sender struct {
	cfg     SenderConfig
	fds     []int
	sources []netip.AddrPort
	targets []unix.RawSockaddrInet6 // of each leg; IPv4 in its first bytes
	size    uint32                  // of a target
	start   time.Time

	// The batch: datagrams of one source socket, not yet sent.
	fd     int
	n      int
	oldest time.Duration // when the first was due
	msgs   [sendBatch]unix.Mmsghdr
	iovs   [sendBatch]unix.Iovec
	slab   [sendBatch][sendBuffer]byte
	whose  [sendBatch]int
	due    [sendBatch]time.Duration

	counted []uint8 // packets of each leg that Least has seen
	report  SendReport
	err     error
	done    chan struct{}
}

// StartSender binds the source sockets and begins the schedule at once. It ends
// with the schedule or with ctx; Wait must be called.
func StartSender(ctx context.Context, cfg SenderConfig) (*Sender, error) {
	if len(cfg.Legs) == 0 || cfg.Schedule == nil {
		return nil, errors.New("cannot send: no legs or no schedule")
	}
	if cfg.LegsPerSocket == 0 {
		cfg.LegsPerSocket = 200
	}
	s := &Sender{cfg: cfg, fd: -1, done: make(chan struct{}), counted: make([]uint8, len(cfg.Legs))}
	s.report.Least = slices.Repeat([]time.Duration{-1}, len(cfg.Legs))
	if err := s.open(); err != nil {
		s.close()
		return nil, fmt.Errorf("cannot send: %w", err)
	}
	s.start = time.Now()
	go func() {
		defer close(s.done)
		runtime.LockOSThread() // never unlocked: the pinned thread ends with the goroutine
		s.err = s.run(ctx)
		s.close()
	}()
	return s, nil
}

// Source is the address that a leg sends from.
func (s *Sender) Source(leg int) netip.AddrPort { return s.sources[leg/s.cfg.LegsPerSocket] }

// Start is the moment that Packet.Due counts from.
func (s *Sender) Start() time.Time { return s.start }

// Done is closed after the last packet.
func (s *Sender) Done() <-chan struct{} { return s.done }

// Wait waits for the last packet.
func (s *Sender) Wait() (SendReport, error) {
	<-s.done
	return s.report, s.err
}

func (s *Sender) run(ctx context.Context) error {
	if s.cfg.CPU > 0 {
		var set unix.CPUSet
		set.Set(s.cfg.CPU - 1)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			return fmt.Errorf("cannot stay on CPU %d: %w", s.cfg.CPU-1, err)
		}
	}
	defer func() { s.report.Wall, s.report.CPU = time.Since(s.start), threadTime() }()
	for {
		p, ok := s.cfg.Schedule()
		if !ok || ctx.Err() != nil {
			return s.flush()
		}
		if len(p.Data) > sendBuffer {
			return fmt.Errorf("cannot send %d bytes to leg %d: %d at most", len(p.Data), p.Leg, sendBuffer)
		}
		fd := s.fds[p.Leg/s.cfg.LegsPerSocket]
		if p.Due > time.Since(s.start) || fd != s.fd || s.n == sendBatch {
			if err := s.flush(); err != nil {
				return err
			}
		}
		s.sleepUntil(ctx, p.Due)
		s.add(fd, p)
	}
}

// sleepUntil returns when due, up to a tick later, or when ctx is done.
func (s *Sender) sleepUntil(ctx context.Context, due time.Duration) {
	for ctx.Err() == nil {
		early := due - time.Since(s.start)
		if early <= 0 {
			return
		}
		nap := unix.NsecToTimespec(int64(min(max(early, sendTick), longestNap)))
		_ = unix.Nanosleep(&nap, nil) // a signal may end it; the loop looks at the clock
	}
}

// add puts p into the batch.
func (s *Sender) add(fd int, p Packet) {
	if s.n == 0 {
		s.oldest = p.Due
	}
	s.fd = fd
	s.iovs[s.n].SetLen(copy(s.slab[s.n][:], p.Data))
	s.msgs[s.n].Hdr.Name = (*byte)(unsafe.Pointer(&s.targets[p.Leg]))
	s.whose[s.n], s.due[s.n] = p.Leg, p.Due
	s.n++
}

// flush sends the batch.
func (s *Sender) flush() error {
	if s.n == 0 {
		return nil
	}
	lag := time.Since(s.start) - s.oldest
	s.report.Lag = max(s.report.Lag, lag)
	if lag > lateAfter {
		s.report.Late += s.n
	}
	for sent := 0; sent < s.n; {
		got, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.msgs[sent])),
			uintptr(s.n-sent), 0, 0, 0)
		if errno != 0 && errno != unix.EINTR && errno != unix.ECONNREFUSED && errno != unix.ENOBUFS {
			return fmt.Errorf("cannot send, after %d packets: %w", s.report.Packets, errno)
		}
		if errno == 0 {
			sent += int(got)
			s.report.Packets += int(got)
		}
	}
	s.countLeast(time.Since(s.start))
	s.n = 0
	return nil
}

// countLeast takes the batch, which by now has been sent, into the report.
func (s *Sender) countLeast(now time.Duration) {
	for i, leg := range s.whose[:s.n] {
		if s.counted[leg] == leastOf {
			continue
		}
		s.counted[leg]++
		if lag, least := now-s.due[i], &s.report.Least[leg]; *least < 0 || lag < *least {
			*least = lag
		}
	}
}

// threadTime is the processor time of the calling thread.
func threadTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

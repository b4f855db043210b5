package spool

import (
	"errors"
	"io/fs"
	"os"
)

// Share is what one state has of the folder.
type Share struct {
	Recordings int
	Bytes      int64 // of audio
}

// Usage is what the folder holds, by state.
type Usage struct {
	Parts, Ready, Parked Share
	ParkedBy             map[string]int // by Delivery.Class; "" is not known
}

func (u *Usage) add(of *Share, bytes int64) {
	of.Recordings++
	of.Bytes += bytes
}

func (u *Usage) park(bytes int64, class string) {
	u.add(&u.Parked, bytes)
	u.ParkedBy[class]++
}

// Usage adds up, without touching the disk.
func (s *Spool) Usage() Usage {
	u := Usage{ParkedBy: map[string]int{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		switch e.state {
		case statePart:
			u.add(&u.Parts, e.size)
		case stateReady:
			u.add(&u.Ready, e.size)
		case stateParked:
			u.park(e.size, e.class)
		}
	}
	return u
}

// Recordings counts those of an account, in any state.
func (s *Spool) Recordings(account string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, recordings := range s.calls {
		if c.account == account {
			n += recordings
		}
	}
	return n
}

// Quarantine counts the files that were moved aside, now and by earlier
// processes, and their bytes. It reads the folder.
func (s *Spool) Quarantine() (files int, bytes int64, err error) { return s.disk.quarantined() }

func (d *disk) quarantined() (files int, bytes int64, err error) {
	list, err := os.ReadDir(d.path(quarantineDir))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	for _, e := range list {
		files++
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() { // else it has gone, or has no size to speak of
			bytes += info.Size()
		}
	}
	return files, bytes, nil
}

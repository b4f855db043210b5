package capture

import (
	"fmt"
	"time"
)

// NoPortsError says that no pair of ports could be opened: every one is in a
// call, rests, or is held by another program.
type NoPortsError struct {
	First, Last uint16        // the range, --rtp-ports
	Pairs       int           // of this Set in the range
	Free        int           // neither open nor resting
	Taken       int           // of the free ones, found bound by another program just now
	Open        int           // in calls
	Resting     int           // waiting for silence
	Rest        time.Duration // how long they wait
	Need        int           // pairs that were asked for
}

func (e *NoPortsError) Error() string {
	free := fmt.Sprintf("%d of %d pairs free", e.Free, e.Pairs)
	if e.Taken > 0 {
		free += fmt.Sprintf(", %d of them bound by other programs", e.Taken)
	}
	return fmt.Sprintf("cannot open ports for a call: range %d-%d has %s (%d in calls, %d resting %v after their last packet), need %d (--rtp-ports)",
		e.First, e.Last, free, e.Open, e.Resting, short(e.Rest), e.Need)
}

// FileLimitError says that the process or the machine may open no more files.
type FileLimitError struct {
	Limit uint64 // files this process may have open; 0 if not known
	Pairs int    // pairs this Set has open, two files each
	Err   error  // EMFILE or ENFILE
}

func (e *FileLimitError) Error() string {
	limit := "the open-file limit"
	if e.Limit > 0 {
		limit = fmt.Sprintf("the open-file limit of %d", e.Limit)
	}
	return fmt.Sprintf("cannot open ports for a call: %s is reached with %d pairs open, 2 files each (raise it: ulimit -n, LimitNOFILE=): %v",
		limit, e.Pairs, e.Err)
}

func (e *FileLimitError) Unwrap() error { return e.Err }

// short prints whole seconds as "60s", not "1m0s".
func short(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return d.String()
}

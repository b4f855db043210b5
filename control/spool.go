package control

import (
	"context"
	"time"
)

// Spool is what a door needs of the recordings that are not delivered yet.
type Spool interface {
	// Usage adds up what there is, by state.
	Usage() (SpoolUsage, error)
	// Undelivered counts an account's recordings, in any state.
	Undelivered(account string) int
	// Parked lists at most limit parked recordings by id, from the first one after
	// the id given ("" for the start); more says that there are others after them.
	Parked(after string, limit int) (list []Parked, more bool, err error)
	// Retry sends one on its way again, as if it had never been tried; when it is
	// not parked the error is a *recording.NotFoundError.
	Retry(id string) error
	// RetryAll does that for everything parked, until ctx is done. err tells of
	// those for which it could not.
	RetryAll(ctx context.Context) (n int, err error)
}

// SpoolUsage is what the spool holds, as the API tells it.
type SpoolUsage struct {
	Part        SpoolShare   `json:"part"`    // still being written
	Waiting     SpoolShare   `json:"waiting"` // for its first or next try, or on its way
	Parked      ParkedShare  `json:"parked"`  // for the operator
	Quarantined QuarantineOf `json:"quarantined"`
}

// SpoolShare is what one state has of the spool.
type SpoolShare struct {
	Recordings int   `json:"recordings"`
	Bytes      int64 `json:"bytes"` // of audio
}

// ParkedShare also says why they are parked.
type ParkedShare struct {
	SpoolShare
	ByClass map[string]int `json:"by_class"`
}

// QuarantineOf is what made no sense and was moved aside.
type QuarantineOf struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Parked is a parked recording, as the API tells it. Nothing in it holds
// credentials.
type Parked struct {
	ID        string     `json:"id"`
	AccountID string     `json:"account_id"`
	CallID    string     `json:"call_id"`
	Started   time.Time  `json:"started"`
	Age       int64      `json:"age_seconds"` // since then
	Size      int64      `json:"size"`        // of the audio in bytes
	URL       string     `json:"url"`         // redacted; "" is the default storage
	Class     string     `json:"class"`       // of the error: retry, slow, permanent; unknown
	Error     string     `json:"error"`       // of the last try
	Reason    string     `json:"reason"`      // why there is no other
	Tries     int        `json:"tries"`
	LastTry   *time.Time `json:"last_try,omitempty"` // nil: it never had one
}

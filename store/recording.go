package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Recording is one recording as the index knows it. Everything but Doc is what it
// is listed and searched by; Doc is the document the API shows, JSON, opaque here.
type Recording struct {
	Account string
	ID      string
	Owner   string    // the user whose recording it is; may be empty
	CallID  string    // may be empty
	Object  string    // the name it has at the target; may be empty
	Created time.Time // what lists are ordered by, to the millisecond
	State   string    // one of the states of recording.State, by name
	At      time.Time // when it entered the state
	Doc     json.RawMessage

	kept func() // see [Store.UpsertThen]
}

// order says which state comes after which. A recording goes back and forth
// between recording and masked, and between spooled and parked, so the later of
// equals is the newer; a state of a lower order is old news.
var order = map[string]uint8{
	"armed": 1, "recording": 2, "masked": 2, "finishing": 3, "spooled": 4, "parked": 4,
	"delivered": final, "discarded": final, "cancelled": final, "failed": final,
}

// final is the order of the states that nothing follows.
const final = 5

// Ended reports whether the recording is in a state that nothing follows.
func (r Recording) Ended() bool { return order[r.State] == final }

// headerIndex carries what a recording is found by, so that the index can be
// loaded without the documents.
const headerIndex = "Callrec-Index"

// maxField bounds a field of the index, in bytes.
const maxField = 1024

// fields is the header, as JSON: it has no line breaks, whatever a tenant chose.
type fields struct {
	Created int64  `json:"created"` // ms since 1970
	State   string `json:"state"`
	At      int64  `json:"at"` // ns since 1970
	Owner   string `json:"owner,omitempty"`
	CallID  string `json:"call_id,omitempty"`
	Object  string `json:"object,omitempty"`
}

// tidy returns r as it is stored: what JSON cannot hold replaced, the document
// the store's own. It refuses what cannot be indexed.
func (r Recording) tidy() (Recording, error) {
	if err := checkIDs("account", r.Account, "recording id", r.ID); err != nil {
		return r, err
	}
	if order[r.State] == 0 {
		return r, fmt.Errorf("recording %q has the unknown state %q", r.ID, r.State)
	}
	for _, f := range []*string{&r.Owner, &r.CallID, &r.Object} {
		*f = strings.ToValidUTF8(*f, "\uFFFD")
		if len(*f) > maxField {
			return r, fmt.Errorf("recording %q has a field of %d bytes, the index takes %d", r.ID, len(*f), maxField)
		}
	}
	if len(r.Doc) > MaxDocument || !json.Valid(r.Doc) {
		return r, fmt.Errorf("the document of recording %q must be JSON of at most %d bytes", r.ID, MaxDocument)
	}
	r.Created = r.Created.Truncate(time.Millisecond)
	r.Doc = slices.Clone(r.Doc)
	return r, nil
}

// message is r as the bucket holds it.
func (r *Recording) message(b *bucket) (*nats.Msg, error) {
	head, err := json.Marshal(fields{r.Created.UnixMilli(), r.State, r.At.UnixNano(), r.Owner, r.CallID, r.Object})
	if err != nil {
		return nil, err
	}
	m := b.message(key(r.Account, r.ID), r.Doc)
	m.Header.Set(headerIndex, string(head))
	return m, nil
}

// parseRecording reads what the bucket holds. ok is false for what is not ours.
func parseRecording(c *change) (r Recording, ok bool) {
	parts, ok := parseKey(c.key, 2)
	if !ok {
		return r, false
	}
	var f fields
	bad := json.Unmarshal([]byte(c.header.Get(headerIndex)), &f) != nil || order[f.State] == 0
	if bad && !c.gone { // another client's removal says nothing but that
		return r, false
	}
	return Recording{
		Account: parts[0], ID: parts[1], Owner: f.Owner, CallID: f.CallID, Object: f.Object,
		Created: time.UnixMilli(f.Created), State: f.State, At: time.Unix(0, f.At), Doc: c.data,
	}, true
}

// newer reports whether a state at one time replaces another at another.
func newer(state string, at time.Time, than string, thanAt time.Time) bool {
	if a, b := order[state], order[than]; a != b {
		return a > b
	}
	return !at.Before(thanAt)
}

// Recording returns one recording, as it was last told to this store or written by
// another.
func (s *Store) Recording(ctx context.Context, account, id string) (*Recording, error) {
	waiting, ok := s.queue.find(account, id)
	if ok && s.index.old(waiting) {
		waiting = nil
	} else if ok && s.loaded() {
		return waiting, nil
	}
	if checkIDs("account", account, "id", id) != nil {
		return nil, &NotFoundError{"recording", id}
	}
	c, err := s.recordings.last(ctx, key(account, id))
	if err != nil {
		return nil, unavailable("read a recording", err)
	}
	if c != nil && !c.gone {
		if r, ok := parseRecording(c); ok && (waiting == nil || !newer(waiting.State, waiting.At, r.State, r.At)) {
			return &r, nil
		}
	}
	if waiting == nil || (c != nil && c.gone) {
		return nil, &NotFoundError{"recording", id}
	}
	return waiting, nil
}

// DeleteRecording takes a recording out of the index, for good: what is heard of it
// later changes nothing. The names its call has used stay used.
func (s *Store) DeleteRecording(ctx context.Context, account, id string) error {
	r, err := s.Recording(ctx, account, id)
	if err != nil {
		return err
	}
	m, err := r.message(s.recordings)
	if err != nil {
		return err
	}
	m.Data = nil
	m.Header.Set(headerOperation, opDelete)
	rev, err := s.recordings.put(ctx, m, anyRevision)
	if err != nil {
		return unavailable("delete a recording", err)
	}
	s.index.recs.bury(account, id, rev, 0, s.index.rec(r))
	s.queue.forget(account, id)
	return nil
}

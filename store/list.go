package store

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unique"
)

// Query selects recordings of an account.
type Query struct {
	Account  string
	Owner    string    // of this user only; empty: of all
	CallID   string    // of this call only; empty: of all
	State    string    // in this state only; empty: in all
	From, To time.Time // created in this range, inclusive; zero: open

	// Match, when set, is asked of each document that passes the rest, in the order
	// of the list, until the page is full.
	Match func(*Recording) bool

	Ascending bool   // oldest first; newest first otherwise
	After     string // where to go on: what List returned as next
	N         int    // at most so many; at least 1
}

// place is where a recording stands in a list.
type place struct {
	created int64
	id      string
}

func (p place) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(p.created, 10) + "." + p.id))
}

// ErrStartKey says that Query.After is not what List returned.
var ErrStartKey = errors.New("the start key is none that was given out")

func parsePlace(s string) (p place, err error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return p, ErrStartKey
	}
	created, id, ok := strings.Cut(string(b), ".")
	if p.created, err = strconv.ParseInt(created, 10, 64); err != nil || !ok {
		return p, ErrStartKey
	}
	p.id = id
	return p, nil
}

// firstLook is how many places are sought before the documents are read; each
// further look is for twice as many.
const firstLook = 256

// Recordings lists recordings by when they were created, a page at a time. What
// was deleted or dropped since is left out, what was told less than a moment ago
// may be missing. next is empty on the last page.
func (s *Store) Recordings(ctx context.Context, q Query) (page []*Recording, next string, err error) {
	if q.N < 1 {
		return nil, "", fmt.Errorf("a page of %d recordings cannot be made, want at least 1", q.N)
	}
	var from *place
	if q.After != "" {
		p, err := parsePlace(q.After)
		if err != nil {
			return nil, "", err
		}
		from = &p
	}
	for look := max(firstLook, q.N+1); ; look *= 2 {
		places := s.index.places(q, from, look)
		for i := range places {
			if err := ctx.Err(); err != nil {
				return nil, "", err
			}
			r, err := s.Recording(ctx, q.Account, places[i].id)
			if isNotFound(err) {
				continue
			}
			if err != nil {
				return nil, "", err
			}
			if q.Match != nil && !q.Match(r) {
				continue
			}
			if len(page) == q.N {
				return page, place{page[q.N-1].Created.UnixMilli(), page[q.N-1].ID}.String(), nil
			}
			page = append(page, r)
		}
		if len(places) < look {
			return page, "", nil
		}
		from = &places[len(places)-1]
	}
}

// places returns the first n places of a list after from, in its order.
func (x *index) places(q Query, from *place, n int) []place {
	call := x.names.hash(q.Account, q.CallID)
	owner, state := unique.Make(q.Owner), unique.Make(q.State)
	first, last := int64(-1<<63), int64(1<<63-1)
	if !q.From.IsZero() {
		first = q.From.UnixMilli()
	}
	if !q.To.IsZero() {
		last = q.To.UnixMilli()
	}
	compare := func(a, b place) int {
		c := cmp.Or(cmp.Compare(a.created, b.created), strings.Compare(a.id, b.id))
		if !q.Ascending {
			c = -c
		}
		return c
	}
	// The best 2n are kept and now and then cut to n: one pass, no sorting of all.
	var out []place
	cut := func() {
		slices.SortFunc(out, compare)
		out = out[:min(n, len(out))]
	}
	var worst *place
	x.recs.each(q.Account, func(id string, r rec) bool {
		if r.created < first || r.created > last ||
			(q.Owner != "" && r.owner != owner) || (q.CallID != "" && r.call != call) || (q.State != "" && r.state != state) {
			return true
		}
		p := place{r.created, id}
		if (from != nil && compare(p, *from) <= 0) || (worst != nil && compare(p, *worst) >= 0) {
			return true
		}
		if out = append(out, p); len(out) == 2*n {
			cut()
			w := out[n-1]
			worst = &w
		}
		return true
	})
	cut()
	return out
}

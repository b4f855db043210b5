package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The bounds of documents: one, and all of an account.
const (
	MaxDocument     = 256 << 10 // bytes of JSON
	maxAccountBytes = 64 << 20
	documentExtra   = 512 // what a document costs besides its bytes
)

// Document is one revision of a document. It never changes; nobody may change it.
type Document struct {
	Ref
	Revision uint64 // grows with every change; not by one
	Modified time.Time
	Data     json.RawMessage
	Compiled any // what Config.Compile made of Data
}

func (d *Document) size() int { return len(d.Data) + documentExtra }

// docKey names a document within its account.
type docKey struct{ kind, id string }

// Get returns a document, or a [*NotFoundError]. It does no I/O.
func (s *Store) Get(ref Ref) (*Document, error) {
	d, _, ok := s.docs.get(ref.Account, docKey{ref.Kind, ref.ID})
	if !ok {
		return nil, &NotFoundError{ref.Kind, ref.ID}
	}
	return d, nil
}

// Compiled returns what was compiled from a document, nil when there is none. It
// does no I/O and allocates nothing.
func (s *Store) Compiled(ref Ref) any {
	if d, _, ok := s.docs.get(ref.Account, docKey{ref.Kind, ref.ID}); ok {
		return d.Compiled
	}
	return nil
}

// List returns up to n documents of a kind in an account, by id in ascending
// order, after the id given ("" is before all), and the id to go on after, ""
// when there are no more.
func (s *Store) List(account, kind, after string, n int) (page []*Document, next string) {
	s.docs.each(account, func(k docKey, d *Document) bool {
		if k.kind == kind && k.id > after {
			page = append(page, d)
		}
		return true
	})
	return cut(page, n)
}

// ListAccounts is List of the accounts.
func (s *Store) ListAccounts(after string, n int) (page []*Document, next string) {
	s.docs.all(func(account string, k docKey, d *Document) {
		if k.kind == Accounts && account > after {
			page = append(page, d)
		}
	})
	return cut(page, n)
}

// cut sorts documents and keeps the first n.
func cut(page []*Document, n int) ([]*Document, string) {
	slices.SortFunc(page, func(a, b *Document) int { return strings.Compare(a.ID, b.ID) })
	if n <= 0 || len(page) <= n {
		return page, ""
	}
	page = slices.Clone(page[:n])
	return page, page[n-1].ID
}

// Create stores a new document. It fails with a [*ConflictError] when there is
// one, a [*FullError] at a bound, [ErrUnavailable] when NATS does not confirm it.
func (s *Store) Create(ctx context.Context, ref Ref, data json.RawMessage) (*Document, error) {
	if err := s.fits(ref, data); err != nil {
		return nil, err
	}
	k := key(ref.Account, ref.Kind, ref.ID)
	_, expect, exists := s.docs.get(ref.Account, docKey{ref.Kind, ref.ID})
	if exists {
		return nil, &ConflictError{ref, 0, expect}
	}
	for try := 0; ; try++ {
		rev, err := s.documents.put(ctx, s.documents.message(k, data), expect)
		switch {
		case err == nil:
			return s.took(ref, rev, data), nil
		case !wrongRevision(err):
			return nil, unavailable("store a document", err)
		}
		last, err := s.documents.last(ctx, k)
		switch {
		case err != nil:
			return nil, unavailable("read a document", err)
		case last == nil:
			expect = 0
		case !last.gone:
			return nil, &ConflictError{ref, 0, last.rev}
		default:
			expect = last.rev
			if ref.Kind == Accounts { // its marker hides what a deletion may have left
				if err := s.purgeAccount(ctx, ref.Account, last.rev); err != nil {
					return nil, err
				}
			}
		}
		if try == 3 {
			return nil, &ConflictError{ref, 0, expect}
		}
	}
}

// Put replaces a document that is at revision rev; 0: whatever is there, nothing
// too. It fails as Create does, and with a [*NotFoundError] when rev is not 0 and
// there is none.
func (s *Store) Put(ctx context.Context, ref Ref, rev uint64, data json.RawMessage) (*Document, error) {
	if err := s.fits(ref, data); err != nil {
		return nil, err
	}
	k, expect := key(ref.Account, ref.Kind, ref.ID), rev
	if rev == 0 {
		d, err := s.Create(ctx, ref, data)
		if !isConflict(err) {
			return d, err
		}
		expect = anyRevision
	}
	now, err := s.documents.put(ctx, s.documents.message(k, data), expect)
	if err != nil {
		return nil, s.refused(ctx, ref, rev, "store a document", err)
	}
	return s.took(ref, now, data), nil
}

// Delete removes a document that is at revision rev; 0: whatever its revision.
// With an account goes all that is under it: documents, tokens, and what the
// index holds of its recordings, whose audio stays.
func (s *Store) Delete(ctx context.Context, ref Ref, rev uint64) error {
	if err := ref.check(); err != nil {
		return &NotFoundError{ref.Kind, ref.ID}
	}
	if ref.Kind == Accounts {
		return s.deleteAccount(ctx, ref, rev)
	}
	expect := rev
	if rev == 0 {
		if _, err := s.Get(ref); err != nil {
			return err
		}
		expect = anyRevision
	}
	now, err := s.documents.mark(ctx, key(ref.Account, ref.Kind, ref.ID), expect, forgetRemoved)
	if err != nil {
		return s.refused(ctx, ref, rev, "delete a document", err)
	}
	s.docs.remove(ref.Account, docKey{ref.Kind, ref.ID}, now, 0, false)
	return nil
}

// refused words why a change was.
func (s *Store) refused(ctx context.Context, ref Ref, rev uint64, what string, err error) error {
	if !wrongRevision(err) {
		return unavailable(what, err)
	}
	last, err := s.documents.last(ctx, key(ref.Account, ref.Kind, ref.ID))
	switch {
	case err != nil:
		return unavailable("read a document", err)
	case last == nil || last.gone:
		return &NotFoundError{ref.Kind, ref.ID}
	default:
		return &ConflictError{ref, rev, last.rev}
	}
}

func isConflict(err error) bool {
	var e *ConflictError
	return errors.As(err, &e)
}

// fits refuses what is too large, or no JSON, which no reader should have to fear.
func (s *Store) fits(ref Ref, data json.RawMessage) error {
	if err := ref.check(); err != nil {
		return err
	}
	if !json.Valid(data) {
		return errors.New("a document must be JSON")
	}
	if len(data) > MaxDocument {
		return &FullError{fmt.Sprintf("a document may have %d bytes, this one has %d", MaxDocument, len(data))}
	}
	if n, bytes := s.docs.load(ref.Account); bytes+len(data)+documentExtra > maxAccountBytes {
		return &FullError{fmt.Sprintf("account %q has %d documents of %d bytes in all, and no room for more", ref.Account, n, bytes)}
	}
	return nil
}

// took puts what the bucket has confirmed into the picture at once: who wrote it
// reads it.
func (s *Store) took(ref Ref, rev uint64, data json.RawMessage) *Document {
	d := &Document{Ref: ref, Revision: rev, Modified: time.Now(), Data: slices.Clone(data)}
	d.Compiled = s.compile(ref, d.Data)
	s.docs.set(ref.Account, docKey{ref.Kind, ref.ID}, rev, 0, d)
	return d
}

// applyDocument takes a change in that the watch shows.
func (s *Store) applyDocument(c change, gen uint32) {
	parts, ok := parseKey(c.key, 3)
	if !ok {
		return // somebody else's
	}
	ref, k := Ref{parts[0], parts[1], parts[2]}, docKey{parts[1], parts[2]}
	switch {
	case c.gone:
		s.docs.remove(ref.Account, k, c.rev, gen, true)
		if ref == AccountRef(ref.Account) {
			s.accountGone(ref.Account, c.rev)
		}
	case s.docs.known(ref.Account, k, c.rev, gen):
	default:
		d := &Document{Ref: ref, Revision: c.rev, Modified: c.at, Data: c.data}
		d.Compiled = s.compile(ref, d.Data)
		s.docs.set(ref.Account, k, c.rev, gen, d)
	}
}

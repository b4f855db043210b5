// Package controltest owns stand-ins for what the doors keep things in: documents,
// tokens, and the index of recordings with their audio, in memory. Tests of the
// doors call it; nothing else does.
package controltest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"callrec/control"
)

// Memory is control.Documents, control.Tokens, control.Index and control.Audio.
// Make one with New.
type Memory struct {
	// Err is what every change and every look into the index fails with.
	Err error
	// Before is called before a change is made, without the lock: a test may get
	// between reading and writing there.
	Before func()

	mu     sync.Mutex
	rev    uint64
	docs   map[control.Ref]*control.Document
	tokens map[string]control.Token // by secret
	recs   map[[2]string]*control.Recording
	files  map[string][]byte
}

// New returns an empty Memory.
func New() *Memory {
	return &Memory{
		docs: map[control.Ref]*control.Document{}, tokens: map[string]control.Token{},
		recs: map[[2]string]*control.Recording{}, files: map[string][]byte{},
	}
}

func (m *Memory) change() error {
	if m.Before != nil {
		m.Before()
	}
	return m.Err
}

// Get implements control.Documents, as do the next six.
func (m *Memory) Get(ref control.Ref) (*control.Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.docs[ref]; d != nil {
		return d, nil
	}
	return nil, &control.NotFoundError{What: ref.Kind, ID: ref.ID}
}

// Compiled is what was compiled of a document.
func (m *Memory) Compiled(ref control.Ref) any {
	if d, err := m.Get(ref); err == nil {
		return d.Compiled
	}
	return nil
}

// List lists documents of one kind.
func (m *Memory) List(account, kind, after string, n int) ([]*control.Document, string) {
	return m.list(func(r control.Ref) bool { return r.Account == account && r.Kind == kind && r.ID > after }, n)
}

// ListAccounts lists the documents of accounts.
func (m *Memory) ListAccounts(after string, n int) ([]*control.Document, string) {
	return m.list(func(r control.Ref) bool { return r.Kind == control.Accounts && r.ID > after }, n)
}

func (m *Memory) list(want func(control.Ref) bool, n int) (page []*control.Document, next string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for ref, d := range m.docs {
		if want(ref) {
			page = append(page, d)
		}
	}
	slices.SortFunc(page, func(a, b *control.Document) int { return strings.Compare(a.ID, b.ID) })
	if n <= 0 || len(page) <= n {
		return page, ""
	}
	return page[:n], page[n-1].ID
}

// Create stores a new document.
func (m *Memory) Create(_ context.Context, ref control.Ref, data json.RawMessage) (*control.Document, error) {
	if err := m.change(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.docs[ref]; d != nil {
		return nil, &control.ConflictError{Ref: ref, Have: d.Revision}
	}
	return m.put(ref, data), nil
}

func (m *Memory) put(ref control.Ref, data json.RawMessage) *control.Document {
	m.rev++
	d := &control.Document{Ref: ref, Revision: m.rev, Modified: time.Now(), Data: slices.Clone(data)}
	d.Compiled = control.Compile(ref, d.Data)
	m.docs[ref] = d
	return d
}

// Put replaces a document.
func (m *Memory) Put(_ context.Context, ref control.Ref, rev uint64, data json.RawMessage) (*control.Document, error) {
	if err := m.change(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.at(ref, rev); rev != 0 && err != nil {
		return nil, err
	}
	return m.put(ref, data), nil
}

// at complains when a document is not at a revision.
func (m *Memory) at(ref control.Ref, rev uint64) error {
	d := m.docs[ref]
	if d == nil {
		return &control.NotFoundError{What: ref.Kind, ID: ref.ID}
	}
	if rev != 0 && d.Revision != rev {
		return &control.ConflictError{Ref: ref, Want: rev, Have: d.Revision}
	}
	return nil
}

// Delete removes a document, and with an account all that is under it.
func (m *Memory) Delete(_ context.Context, ref control.Ref, rev uint64) error {
	if err := m.change(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.at(ref, rev); err != nil {
		return err
	}
	delete(m.docs, ref)
	if ref.Kind != control.Accounts {
		return nil
	}
	for r := range m.docs {
		if r.Account == ref.Account {
			delete(m.docs, r)
		}
	}
	for secret, t := range m.tokens {
		if t.Account == ref.Account {
			delete(m.tokens, secret)
		}
	}
	return nil
}

// CreateToken implements control.Tokens, as do the next three.
func (m *Memory) CreateToken(_ context.Context, scope control.Scope, account, name string) (string, control.Token, error) {
	if err := m.change(); err != nil {
		return "", control.Token{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rev++
	secret := rand.Text() + rand.Text()
	t := control.Token{
		ID: strconv.FormatUint(m.rev, 16), Name: name, Scope: scope, Account: account,
		Created: time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC),
	}
	m.tokens[secret] = t
	return secret, t, nil
}

// Authenticate finds a token by its secret.
func (m *Memory) Authenticate(secret string) (control.Token, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tokens[secret]
	return t, ok
}

// Tokens lists the tokens of an account.
func (m *Memory) Tokens(account, after string, n int) (page []control.Token, next string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.tokens {
		if t.Account == account && t.ID > after {
			page = append(page, t)
		}
	}
	slices.SortFunc(page, func(a, b control.Token) int { return strings.Compare(a.ID, b.ID) })
	if n <= 0 || len(page) <= n {
		return page, ""
	}
	return page[:n], page[n-1].ID
}

// RevokeToken ends a token.
func (m *Memory) RevokeToken(_ context.Context, account, id string) error {
	if err := m.change(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for secret, t := range m.tokens {
		if t.Account == account && t.ID == id {
			delete(m.tokens, secret)
			return nil
		}
	}
	return &control.NotFoundError{What: "token", ID: id}
}

// Keep puts a recording into the index, and its file, unless that is nil, where
// Open finds it.
func (m *Memory) Keep(r control.Recording, file []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.recs[[2]string{r.Account, r.ID}] = &r
	if file != nil {
		m.files[r.ID] = file
	}
}

// Recordings implements control.Index, as do the next two.
func (m *Memory) Recordings(_ context.Context, q control.Query) (page []*control.Recording, next string, err error) {
	if m.Err != nil {
		return nil, "", m.Err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []*control.Recording
	for _, r := range m.recs {
		if r.Account == q.Account && (q.Owner == "" || r.Owner == q.Owner) && (q.CallID == "" || r.CallID == q.CallID) &&
			(q.State == "" || r.State == q.State) && !r.Created.Before(q.From) && (q.To.IsZero() || !r.Created.After(q.To)) &&
			(q.Match == nil || q.Match(r)) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b *control.Recording) int {
		c := cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
		if !q.Ascending {
			c = -c
		}
		return c
	})
	if q.After != "" {
		i := slices.IndexFunc(all, func(r *control.Recording) bool { return r.ID == q.After })
		if i < 0 {
			return nil, "", control.ErrStartKey
		}
		all = all[i+1:]
	}
	if len(all) > q.N {
		return all[:q.N], all[q.N-1].ID, nil
	}
	return all, "", nil
}

// Recording returns one recording.
func (m *Memory) Recording(_ context.Context, account, id string) (*control.Recording, error) {
	if m.Err != nil {
		return nil, m.Err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.recs[[2]string{account, id}]; r != nil {
		return r, nil
	}
	return nil, &control.NotFoundError{What: "recording", ID: id}
}

// DeleteRecording takes a recording out of the index.
func (m *Memory) DeleteRecording(_ context.Context, account, id string) error {
	if err := m.change(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.recs, [2]string{account, id})
	return nil
}

// Open implements control.Audio.
func (m *Memory) Open(_ context.Context, r *control.Recording) (io.ReadSeekCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.files[r.ID]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return file{bytes.NewReader(b)}, nil
}

// Remove implements control.Audio.
func (m *Memory) Remove(_ context.Context, r *control.Recording) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, r.ID)
	return nil
}

type file struct{ *bytes.Reader }

func (file) Close() error { return nil }

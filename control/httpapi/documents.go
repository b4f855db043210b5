package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"callrec/control"
	"callrec/policy"
	"callrec/recording"
)

// collection is one kind of documents. Its kind names the schema, too.
type collection struct {
	kind    string
	summary []string // the keys that lists show besides the id
}

var (
	accounts  = collection{control.Accounts, []string{"name", "realm"}}
	users     = collection{control.Users, []string{"first_name", "last_name", "username", "email"}}
	devices   = collection{control.Devices, []string{"name", "owner_id", "device_type", "mac_address"}}
	callflows = collection{control.Callflows, []string{"name", "numbers", "patterns"}}
)

// all and one are the verbs of a collection below an account and of its items.
func (c collection) all() methods {
	return methods{http.MethodGet: {needTenant, c.list}, http.MethodPut: {needTenant, c.create}}
}

func (c collection) one() methods {
	return methods{
		http.MethodGet: {needTenant, c.get}, http.MethodPost: {needTenant, c.replace},
		http.MethodPatch: {needTenant, c.patch}, http.MethodDelete: {needTenant, c.remove},
	}
}

// ref is the document that a path names.
func (c collection) ref(r *request) control.Ref {
	if c.kind == control.Accounts {
		return control.AccountRef(r.account)
	}
	return control.Ref{Account: r.account, Kind: c.kind, ID: r.PathValue("id")}
}

// create answers PUT on a collection. The client may choose the id.
func (c collection) create(s *server, r *request) (reply, error) {
	data, err := s.read(r)
	if err != nil {
		return reply{}, err
	}
	if c.kind != control.Accounts {
		if _, err := s.Documents.Get(control.AccountRef(r.account)); err != nil {
			return reply{}, err
		}
	}
	var bad policy.Problems
	id := chosenID(data, &bad)
	if m, ok := data.(map[string]any); ok {
		data = policy.Public(m)
	}
	doc := c.accept(s, data, &bad)
	if err := bad.Err(); err != nil {
		return reply{}, err
	}
	ref := control.Ref{Account: r.account, Kind: c.kind, ID: id}
	if c.kind == control.Accounts {
		ref = control.AccountRef(id)
	}
	text, err := encodeDocument(doc)
	if err != nil {
		return reply{}, err
	}
	d, err := s.Documents.Create(r.Context(), ref, text)
	if err != nil {
		return reply{}, err
	}
	out, err := show(d)
	out.status, out.location = http.StatusCreated, strings.TrimSuffix(r.URL.Path, "/")+"/"+id
	return out, err
}

// encodeDocument is a document as it is stored.
func encodeDocument(doc map[string]any) (json.RawMessage, error) {
	text, err := json.Marshal(doc)
	if err == nil && len(text) > control.MaxDocument {
		err = tooLarge("data", fmt.Sprintf("The document must not have more than %d bytes, and it has %d", control.MaxDocument, len(text)), control.MaxDocument)
	}
	return text, err
}

// chosenID is the id a new document is to have, or one as Kazoo makes them.
func chosenID(data any, bad *policy.Problems) string {
	v, given := objectOf(data)["id"]
	if !given {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails
		return hex.EncodeToString(b[:])
	}
	id, _ := v.(string)
	if !validID(id) {
		*bad = append(*bad, policy.Problem{Path: "id", Rule: "pattern", Message: "Failed to match pattern '^[A-Za-z0-9_-]{1,64}$'", Target: "^[A-Za-z0-9_-]{1,64}$", Value: v})
	}
	return id
}

// accept checks a whole document and returns it as it is to be stored: without its
// id, with what could be cast cast. What is no object at all gives nil.
func (c collection) accept(s *server, data any, bad *policy.Problems) map[string]any {
	if m, ok := data.(map[string]any); ok {
		doc := maps.Clone(m)
		delete(doc, "id") // it is in the name of the document
		data = doc
	}
	accepted, faults := s.schemas.Accept(c.kind, data)
	*bad = append(*bad, faults...)
	doc, _ := accepted.(map[string]any)
	if c.kind == control.Callflows && len(faults) == 0 {
		s.longFlow(doc["flow"], bad)
	}
	return doc
}

// longFlow complains of a flow that no call could run.
func (s *server) longFlow(flow any, bad *policy.Problems) {
	at, _ := s.schemas.Flow(flow, "flow")
	for n := 0; at != nil; n, at = n+1, at.Next {
		if n == recording.MaxNodes {
			*bad = append(*bad, recording.TooDeep(at.Path))
			return
		}
	}
}

// get answers GET on an item.
func (c collection) get(s *server, r *request) (reply, error) {
	d, err := s.Documents.Get(c.ref(r))
	if err != nil {
		return reply{}, err
	}
	return show(d)
}

// replace answers POST on an item: its public fields become those of the request.
func (c collection) replace(s *server, r *request) (reply, error) {
	return c.change(s, r, policy.Replace)
}

// patch answers PATCH on an item: the request is laid over it, and what comes out
// must be right as a whole.
func (c collection) patch(s *server, r *request) (reply, error) {
	if c.kind == control.Accounts {
		return c.change(s, r, policy.PatchAccount)
	}
	return c.change(s, r, policy.Patch)
}

// changes is how often a change is tried when others are faster.
const changes = 8

func (c collection) change(s *server, r *request, apply func(stored, change map[string]any) map[string]any) (reply, error) {
	data, err := s.read(r)
	if err != nil {
		return reply{}, err
	}
	ref := c.ref(r)
	for try := 1; ; try++ {
		d, err := s.changeOnce(r.Context(), c, ref, data, apply)
		var clash *control.ConflictError
		if errors.As(err, &clash) && try < changes {
			continue // what was said holds for the document as it is now, too
		}
		if err != nil {
			return reply{}, err
		}
		return show(d)
	}
}

func (s *server) changeOnce(ctx context.Context, c collection, ref control.Ref, data any, apply func(stored, change map[string]any) map[string]any) (*control.Document, error) {
	old, err := s.Documents.Get(ref)
	if err != nil {
		return nil, err
	}
	stored, err := decodeStored(old)
	if err != nil {
		return nil, err
	}
	var bad policy.Problems
	change, ok := data.(map[string]any)
	if !ok {
		return nil, policy.Problems{{Path: "data", Rule: "type", Message: "Value did not match type(s): object", Target: []string{"object"}}}
	}
	if id, given := change["id"]; given && id != ref.ID {
		bad = append(bad, policy.Problem{Path: "id", Rule: "error", Message: "the id of a document cannot be changed", Target: ref.ID, Value: id})
	}
	doc := c.accept(s, apply(stored, change), &bad)
	if err := bad.Err(); err != nil {
		return nil, err
	}
	text, err := encodeDocument(doc)
	if err != nil {
		return nil, err
	}
	return s.Documents.Put(ctx, ref, old.Revision, text)
}

// remove answers DELETE on an item, with what it was.
func (c collection) remove(s *server, r *request) (reply, error) {
	d, err := s.Documents.Get(c.ref(r))
	if err != nil {
		return reply{}, err
	}
	if c.kind == control.Accounts {
		if err := s.unused(r); err != nil {
			return reply{}, err
		}
	}
	if err := s.Documents.Delete(r.Context(), d.Ref, 0); err != nil {
		return reply{}, err
	}
	out, err := show(d)
	if doc, ok := out.data.(map[string]any); ok {
		doc["_read_only"] = map[string]any{"deleted": true}
	}
	return out, err
}

// unused refuses to delete an account while something of it is under way: what
// comes out of that would be the next one's to have the id.
func (s *server) unused(r *request) error {
	calls, recordings := len(s.Recorder.Calls(r.account)), 0
	if s.Spool != nil {
		recordings = s.Spool.Undelivered(r.account)
	}
	var elsewhere string
	for _, state := range []string{"spooled", "parked"} { // as other workers of the same store have told
		q := control.Query{Account: r.account, State: state, N: 1}
		list, _, err := s.Index.Recordings(r.Context(), q)
		if err != nil {
			return err
		}
		if len(list) > 0 && recordings == 0 {
			elsewhere = " here, some by another worker"
		}
	}
	if calls == 0 && recordings == 0 && elsewhere == "" {
		return nil
	}
	return &control.Fault{
		Status: http.StatusConflict, Message: "datastore_conflict",
		Data: control.Explain{Message: "conflicting documents", Cause: fmt.Sprintf(
			"%d calls are live and %d recordings not delivered%s; hang up, and deliver or delete them", calls, recordings, elsewhere)},
	}
}

// list answers GET on a collection.
func (c collection) list(s *server, r *request) (reply, error) {
	var bad policy.Problems
	query := r.URL.Query()
	p := readPaging(query, &bad)
	filters := readFilters(query, &bad)
	if err := bad.Err(); err != nil {
		return reply{}, err
	}
	list := []map[string]any{}
	next := p.after
	for {
		var some []*control.Document
		if c.kind == control.Accounts {
			some, next = s.Documents.ListAccounts(next, p.size)
		} else {
			some, next = s.Documents.List(r.account, c.kind, next, p.size)
		}
		for i, d := range some {
			doc, err := decodeStored(d)
			if err != nil {
				return reply{}, err
			}
			doc["id"] = d.ID
			if !matches(doc, filters) {
				continue
			}
			if list = append(list, c.summarize(doc)); len(list) == p.size && i+1 < len(some) {
				next = d.ID
				break
			}
		}
		if next == "" || len(list) >= p.size {
			break
		}
		if err := r.Context().Err(); err != nil {
			return reply{}, err
		}
	}
	if err := p.tooMany(next); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, data: list, page: p.page(len(list), next)}, nil
}

// summarize is a document as lists show it.
func (c collection) summarize(doc map[string]any) map[string]any {
	out := map[string]any{"id": doc["id"]}
	for _, key := range c.summary {
		if v, ok := doc[key]; ok {
			out[key] = v
		}
	}
	return out
}

// show is a document as answers have it.
func show(d *control.Document) (reply, error) {
	doc, err := decodeStored(d)
	if err != nil {
		return reply{}, err
	}
	doc = policy.Public(doc)
	doc["id"] = d.ID
	return reply{status: http.StatusOK, data: doc, revision: d.Revision}, nil
}

// decodeStored reads a stored document. Integers stay what they are.
func decodeStored(d *control.Document) (map[string]any, error) {
	v, err := policy.Decode(d.Data)
	doc, ok := v.(map[string]any)
	if err != nil || !ok {
		return nil, fmt.Errorf("the stored %s %q is no JSON object: %w", d.Kind, d.ID, errors.Join(err))
	}
	return doc, nil
}

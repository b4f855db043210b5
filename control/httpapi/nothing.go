package httpapi

import (
	"context"
	"encoding/json"

	"callrec/control"
)

// nothing is a store that has nothing and takes nothing.
type nothing struct{}

func (nothing) Get(ref control.Ref) (*control.Document, error) {
	return nil, &control.NotFoundError{What: ref.Kind, ID: ref.ID}
}
func (nothing) Compiled(control.Ref) any                                 { return nil }
func (nothing) List(_, _, _ string, _ int) ([]*control.Document, string) { return nil, "" }
func (nothing) ListAccounts(string, int) ([]*control.Document, string)   { return nil, "" }
func (nothing) Authenticate(string) (control.Token, bool)                { return control.Token{}, false }
func (nothing) Tokens(_, _ string, _ int) ([]control.Token, string)      { return nil, "" }
func (nothing) RevokeToken(context.Context, string, string) error        { return control.ErrUnavailable }

func (nothing) DeleteRecording(context.Context, string, string) error { return control.ErrUnavailable }

func (nothing) Delete(context.Context, control.Ref, uint64) error { return control.ErrUnavailable }

func (nothing) Recordings(context.Context, control.Query) ([]*control.Recording, string, error) {
	return nil, "", nil
}

func (nothing) Create(context.Context, control.Ref, json.RawMessage) (*control.Document, error) {
	return nil, control.ErrUnavailable
}

func (nothing) Put(context.Context, control.Ref, uint64, json.RawMessage) (*control.Document, error) {
	return nil, control.ErrUnavailable
}

func (nothing) CreateToken(context.Context, control.Scope, string, string) (string, control.Token, error) {
	return "", control.Token{}, control.ErrUnavailable
}

func (nothing) Recording(_ context.Context, _, id string) (*control.Recording, error) {
	return nil, &control.NotFoundError{What: "recording", ID: id}
}

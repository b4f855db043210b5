package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"callrec/control"
	"callrec/policy"
)

// need is who may use an endpoint.
type need uint8

const (
	needAdmin   need = iota // a token of scope admin
	needTenant              // that, or one of the account in the path
	needCalls               // that, or one of scope calls
	needNothing             // anybody
)

func (n need) String() string {
	switch n {
	case needTenant:
		return "a token of this account, or one of scope admin"
	case needCalls:
		return "a token of this account, or one of scope calls or admin"
	case needNothing:
		return "nothing"
	case needAdmin:
	}
	return "a token of scope admin"
}

// met reports whether a token will do for an account's path.
func (n need) met(t control.Token, account string) bool {
	switch {
	case n == needNothing, t.Scope == control.ScopeAdmin:
		return true
	case t.Scope == control.ScopeCalls:
		return n == needCalls
	case t.Scope == control.ScopeAccount:
		return n != needAdmin && account != "" && t.Account == account
	default:
		return false
	}
}

// authenticate finds out who asks, and reports whether anybody does.
func (s *server) authenticate(r *request) (ok bool) {
	secret := r.Header.Get("X-Auth-Token")
	if secret == "" {
		scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return false
		}
		secret = strings.TrimSpace(rest)
	}
	r.token, ok = s.tokenOf(secret)
	return ok
}

// tokenOf finds a token by its secret: the admin token of the worker, or one made
// through the API. Hashes are compared, so the time it takes says nothing.
func (s *server) tokenOf(secret string) (control.Token, bool) {
	if secret == "" {
		return control.Token{}, false
	}
	sum := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(sum[:], s.TokenHash[:]) == 1 {
		return control.Token{Scope: control.ScopeAdmin}, true
	}
	return s.Tokens.Authenticate(secret)
}

// apiAuth answers PUT api_auth: the tokens here are what Kazoo calls API keys, and
// do for its auth tokens, too. They live until they are revoked.
func (s *server) apiAuth(r *request) (reply, error) {
	data, err := s.read(r)
	if err != nil {
		return reply{}, err
	}
	if bad := s.schemas.Check("api_auth", data); len(bad) > 0 {
		for i := range bad {
			if bad[i].Rule != "required" { // that names the field
				bad[i].Value = nil // somebody's key, with a character too many
			}
		}
		return reply{}, bad
	}
	secret := objectOf(data).text("api_key")
	t, ok := s.tokenOf(secret)
	if !ok {
		return reply{}, &control.Fault{
			Status: http.StatusUnauthorized, Message: "invalid_credentials",
			Data: control.Explain{Message: "invalid credentials", Cause: "api_key is no token of this worker"},
		}
	}
	r.token = t
	view := map[string]any{"apps": []any{}, "is_reseller": false, "language": "en-us", "scope": t.Scope}
	if t.Account != "" {
		view["account_id"], view["reseller_id"] = t.Account, t.Account
	}
	return reply{status: http.StatusCreated, data: view, token: secret}, nil
}

// tokens are the verbs of a collection of tokens: an account's, or those of none.
func tokens(n need) methods {
	return methods{http.MethodGet: {n, (*server).listTokens}, http.MethodPut: {n, (*server).createToken}}
}

func token(n need) methods {
	return methods{http.MethodGet: {n, (*server).getToken}, http.MethodDelete: {n, (*server).revokeToken}}
}

// createToken answers PUT tokens. The secret is in this answer and in no other.
func (s *server) createToken(r *request) (reply, error) {
	data, err := s.read(r)
	if err != nil {
		return reply{}, err
	}
	schema, scope := "tokens.account", control.ScopeAccount
	if r.account == "" {
		schema = "tokens"
	}
	if bad := s.schemas.Check(schema, data); len(bad) > 0 {
		return reply{}, bad
	}
	o := objectOf(data)
	if r.account == "" {
		scope = control.Scope(o.text("scope"))
	}
	secret, t, err := s.Tokens.CreateToken(r.Context(), scope, r.account, o.text("name"))
	if err != nil {
		return reply{}, err
	}
	s.Log.Info("a token was made", "request_id", r.id, "token", t.ID, "scope", t.Scope, "account", t.Account, "by", r.token.ID)
	view := struct {
		control.Token
		Secret string `json:"token"`
	}{t, secret}
	return reply{status: http.StatusCreated, data: view, location: strings.TrimSuffix(r.URL.Path, "/") + "/" + t.ID}, nil
}

func (s *server) listTokens(r *request) (reply, error) {
	var bad policy.Problems
	q := readPaging(r.URL.Query(), &bad)
	if err := bad.Err(); err != nil {
		return reply{}, err
	}
	list, next := s.Tokens.Tokens(r.account, q.after, q.size)
	if list == nil {
		list = []control.Token{}
	}
	return reply{status: http.StatusOK, data: list, page: q.page(len(list), next)}, nil
}

func (s *server) getToken(r *request) (reply, error) {
	id := r.PathValue("id")
	list, _ := s.Tokens.Tokens(r.account, "", 0)
	for _, t := range list {
		if t.ID == id {
			return reply{status: http.StatusOK, data: t}, nil
		}
	}
	return reply{}, &control.NotFoundError{What: "token", ID: id}
}

// revokeToken answers DELETE tokens/{id}.
func (s *server) revokeToken(r *request) (reply, error) {
	out, err := s.getToken(r)
	if err != nil {
		return out, err
	}
	if err := s.Tokens.RevokeToken(r.Context(), r.account, r.PathValue("id")); err != nil {
		return reply{}, err
	}
	s.Log.Info("a token was revoked", "request_id", r.id, "token", r.PathValue("id"), "account", r.account, "by", r.token.ID)
	return out, nil
}

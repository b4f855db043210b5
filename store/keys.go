package store

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Accounts is the kind of an account's own document, whose id is the account's.
const Accounts = "accounts"

// maxID bounds an id, a kind and an account, in bytes of UTF-8. Three of them encoded stay
// far below the 4096 bytes of a NATS control line.
const maxID = 255

// Ref names a document: the account it belongs to, its kind ("users") and its id.
type Ref struct{ Account, Kind, ID string }

// AccountRef names the document of an account itself.
func AccountRef(account string) Ref { return Ref{account, Accounts, account} }

// check refuses what cannot be a key, and an account document under another.
func (r Ref) check() error {
	if err := checkIDs("account", r.Account, "kind", r.Kind, "id", r.ID); err != nil {
		return err
	}
	if r.Kind == Accounts && r.ID != r.Account {
		return fmt.Errorf("the document of account %q cannot be of account %q", r.ID, r.Account)
	}
	return nil
}

// checkIDs takes names and values in turns.
func checkIDs(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if n := len(pairs[i+1]); n == 0 || n > maxID || !utf8.ValidString(pairs[i+1]) {
			return fmt.Errorf("the %s is %d bytes, %.40q; want 1 to %d of UTF-8", pairs[i], n, pairs[i+1], maxID)
		}
	}
	return nil
}

// key joins parts to the end of a subject that reads back as exactly them.
func key(parts ...string) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(base64.RawURLEncoding.EncodeToString([]byte(p)))
	}
	return b.String()
}

// parseKey is the inverse of key for n parts. ok is false for what key never made.
func parseKey(k string, n int) (parts []string, ok bool) {
	tokens := strings.Split(k, ".")
	if len(tokens) != n {
		return nil, false
	}
	for i, t := range tokens {
		b, err := base64.RawURLEncoding.Strict().DecodeString(t)
		if err != nil || len(b) == 0 || len(b) > maxID || !utf8.Valid(b) || strings.ContainsAny(t, "\r\n") { // which the decoder skips
			return nil, false
		}
		tokens[i] = string(b)
	}
	return tokens, true
}

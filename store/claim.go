package store

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// Claim takes a name for somebody, once and for all who share the store: it reports
// whether the name is by's, be it from now on or because it was already. Names are
// kept as the index keeps recordings, the newest. It waits for NATS; with an
// error nothing is known.
func (s *Store) Claim(ctx context.Context, name, by string) (bool, error) {
	if !s.connected() {
		return false, unavailable("claim a name", errAway)
	}
	sum := sha256.Sum256([]byte(name)) // names are as long as a tenant's url
	k := base64.RawURLEncoding.EncodeToString(sum[:])
	_, err := s.names.put(ctx, s.names.message(k, []byte(by)), 0)
	if err == nil {
		return true, nil
	}
	if !wrongRevision(err) {
		return false, unavailable("claim a name", err)
	}
	c, err := s.names.last(ctx, k)
	if err != nil {
		return false, unavailable("read whose a name is", err)
	}
	if c == nil {
		return false, fmt.Errorf("%w: a name is taken and free at once", ErrUnavailable)
	}
	return string(c.data) == by, nil
}

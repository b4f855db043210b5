package store

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// deleteAccount removes an account and what is under it. The marker on the
// account's own document is the moment: whoever reads it drops what is under the
// account at lower revisions, so a crash after it leaves nothing that could be
// seen, and the marker is kept for as long as the account is not made again.
// Tokens go before, so that none outlives the account.
func (s *Store) deleteAccount(ctx context.Context, ref Ref, rev uint64) error {
	expect := anyRevision
	switch d, err := s.Get(ref); {
	case err == nil && rev != 0 && d.Revision != rev:
		return &ConflictError{ref, rev, d.Revision}
	case err == nil:
		expect = d.Revision
	case rev != 0 || !s.anythingUnder(ref.Account):
		return err
	} // else an account without a document, or a deletion that did not get to its end
	tokens, _ := s.Tokens(ref.Account, "", 0)
	for _, t := range tokens {
		if err := s.RevokeToken(ctx, ref.Account, t.ID); err != nil && !isNotFound(err) {
			return err
		}
	}
	k := key(ref.Account, ref.Kind, ref.ID)
	marker, err := s.documents.mark(ctx, k, expect, 0)
	if err != nil {
		return s.refused(ctx, ref, expect, "delete an account", err)
	}
	s.docs.remove(ref.Account, docKey{ref.Kind, ref.ID}, marker, 0, false)
	s.accountGone(ref.Account, marker)
	if err := s.purgeAccount(ctx, ref.Account, marker); err != nil {
		return err
	}
	s.queue.drop(ref.Account)
	if err := s.recordings.stream.Purge(ctx, jetstream.WithPurgeSubject(s.recordings.prefix+key(ref.Account)+".>")); err != nil {
		return unavailable("delete an account's recordings", err)
	}
	s.index.recs.drop(ref.Account, anyRevision)
	return nil
}

// purgeAccount frees the room of what was under an account before the marker.
func (s *Store) purgeAccount(ctx context.Context, account string, marker uint64) error {
	under := jetstream.WithPurgeSubject(s.documents.prefix + key(account) + ".>")
	if err := s.documents.stream.Purge(ctx, under, jetstream.WithPurgeSequence(marker)); err != nil {
		return unavailable("delete an account's documents", err)
	}
	return nil
}

// accountGone drops what is known under an account that was removed at rev. Its
// recordings are dropped only when this is news: an account without a document
// may have some, and a marker of last year says nothing of them.
func (s *Store) accountGone(account string, rev uint64) {
	s.docs.drop(account, rev)
	select {
	case <-s.feeds[0].ready:
		s.index.recs.drop(account, anyRevision)
	default:
	}
}

func (s *Store) anythingUnder(account string) bool {
	docs, _ := s.docs.load(account)
	tokens, _ := s.secret.replica.load(account)
	recs, _ := s.index.recs.load(account)
	return docs+tokens+recs > 0
}

package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"callrec/control"
	"callrec/policy"
	"callrec/recording"
)

// spoolRoutes are the operator's paths: the whole spool, of all accounts.
var spoolRoutes = map[string]methods{
	"/v2/spool": {http.MethodGet: {needAdmin, (*server).spoolUsage}},
	"/v2/spool/parked": {
		http.MethodGet:  {needAdmin, (*server).parked},
		http.MethodPost: {needAdmin, (*server).retryAllParked},
	},
	"/v2/spool/parked/{id}": {http.MethodPost: {needAdmin, (*server).retryParked}},
}

// Bounds of a page of parked recordings.
const (
	parkedPage    = 50
	maxParkedPage = 1000
)

// retryFor is how long one request goes on sending parked recordings on their
// way: each costs a sync of the disk, and the answer has its WriteTimeout.
const retryFor = WriteTimeout * 2 / 3

// spoolUsage answers GET /v2/spool.
func (s *server) spoolUsage(*request) (reply, error) {
	u, err := s.Spool.Usage()
	if err != nil {
		return reply{}, fmt.Errorf("cannot look into the spool: %w", err)
	}
	return reply{status: http.StatusOK, data: u}, nil
}

// parked answers GET /v2/spool/parked.
func (s *server) parked(r *request) (reply, error) {
	after, size, err := parkedQuery(r.URL.Query())
	if err != nil {
		return reply{}, err
	}
	list, more, err := s.Spool.Parked(after, size)
	if err != nil {
		return reply{}, fmt.Errorf("cannot list the parked recordings: %w", err)
	}
	if list == nil {
		list = []control.Parked{}
	}
	p := &page{size: len(list), start: r.URL.Query().Get("start_key")}
	if more {
		p.next = base64.RawURLEncoding.EncodeToString([]byte(list[len(list)-1].ID))
	}
	return reply{status: http.StatusOK, data: list, page: p}, nil
}

// parkedQuery reads which page is wanted. Keys are opaque to clients: they are
// base64url of the id before.
func parkedQuery(q url.Values) (after string, size int, err error) {
	var bad policy.Problems
	size = parkedPage
	if text := q.Get("page_size"); text != "" {
		n, err := strconv.Atoi(text)
		switch {
		case err != nil:
			bad = append(bad, policy.Problem{Path: "page_size", Rule: "type", Message: "Value did not match type(s): integer", Target: []string{"integer"}, Value: text})
		case n < 1:
			bad = append(bad, policy.Problem{Path: "page_size", Rule: "minimum", Message: "Value must be at least 1", Target: 1, Value: n})
		default:
			size = min(n, maxParkedPage)
		}
	}
	key := q.Get("start_key")
	raw, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil || len(raw) > 64 {
		bad = append(bad, policy.Problem{Path: "start_key", Rule: "invalid", Message: "Value is no key that a list has given out", Value: key})
	}
	return string(raw), size, bad.Err()
}

// retryParked answers POST /v2/spool/parked/{id}.
func (s *server) retryParked(r *request) (reply, error) {
	if err := s.wantsRetry(r); err != nil {
		return reply{}, err
	}
	id := r.PathValue("id")
	if err := s.Spool.Retry(id); err != nil {
		var unknown *recording.NotFoundError
		if errors.As(err, &unknown) {
			return reply{}, notFound(fmt.Sprintf("no recording %.64q is parked; it may be on its way again, or delivered", id))
		}
		return reply{}, s.notRetried(r, err)
	}
	s.Log.Info("a parked recording is sent again", "request_id", r.id, "recording", id)
	return reply{status: http.StatusOK, data: map[string]string{"id": id, "state": "waiting"}}, nil
}

// retryAllParked answers POST /v2/spool/parked: how many are on their way again,
// and how many are parked still, or once more.
func (s *server) retryAllParked(r *request) (reply, error) {
	if err := s.wantsRetry(r); err != nil {
		return reply{}, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), retryFor)
	defer cancel()
	n, err := s.Spool.RetryAll(ctx)
	if err != nil && n == 0 {
		return reply{}, s.notRetried(r, err)
	}
	if err != nil {
		s.Log.Error("not all parked recordings could be sent again", "request_id", r.id, "err", err)
	}
	s.Log.Info("parked recordings are sent again", "request_id", r.id, "recordings", n)
	u, err := s.Spool.Usage()
	if err != nil {
		return reply{}, fmt.Errorf("cannot look into the spool: %w", err)
	}
	return reply{status: http.StatusOK, data: map[string]int{"retried": n, "parked": u.Parked.Recordings}}, nil
}

// wantsRetry reads the one thing that can be done with what is parked.
func (s *server) wantsRetry(r *request) error {
	data, err := s.read(r)
	if err != nil {
		return err
	}
	bad := s.schemas.Check("spool.action", data)
	return bad.Err()
}

// notRetried tells the operator, who alone gets here, what the disk said.
func (s *server) notRetried(r *request, err error) error {
	s.Log.Error("parked recordings cannot be sent again", "request_id", r.id, "err", err)
	return &control.Fault{
		Status: http.StatusServiceUnavailable, Message: "service_unavailable", RetryAfter: 10 * time.Second,
		Data: control.Explain{Message: "service unavailable", Cause: err.Error()},
	}
}

package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"callrec/control"
	"callrec/policy"
)

// maxRange is the longest stretch of time that one list looks at: Kazoo's 31 days
// and an hour.
const maxRange = 2682000 * time.Second

// recordingID is what the id of a recording looks like.
var recordingID = regexp.MustCompile(`^[0-9]{6}-[0-9A-Za-z_-]{1,64}$`)

// listRecordings answers GET recordings, of an account or of one of its users.
func (s *server) listRecordings(r *request) (reply, error) {
	var bad policy.Problems
	query := r.URL.Query()
	p := readPaging(query, &bad)
	filters := readFilters(query, &bad)
	since, hasSince := instantOf(query, "modified_from", &bad)
	until, hasUntil := instantOf(query, "modified_to", &bad)
	q := control.Query{
		Account: r.account, Owner: r.PathValue("user"), N: p.size, After: p.after,
		Ascending: query.Get("ascending") == "true" || query.Get("descending") == "false",
	}
	var err error
	q.From, q.To, err = s.createdRange(query, &bad)
	if bad := bad.Err(); bad != nil {
		return reply{}, bad
	}
	if err != nil {
		return reply{}, err
	}
	if len(filters) > 0 || hasSince || hasUntil {
		q.Match = func(rec *control.Recording) bool {
			if hasSince && rec.At.Before(since) || hasUntil && !rec.At.Before(until.Add(time.Second)) {
				return false
			}
			doc, err := showRecording(rec)
			return err == nil && matches(doc, filters)
		}
	}
	list, next, err := s.Index.Recordings(r.Context(), q)
	if errors.Is(err, control.ErrStartKey) {
		return reply{}, policy.Problems{badStartKey(p.start)}
	}
	if err == nil {
		err = p.tooMany(next)
	}
	if err != nil {
		return reply{}, err
	}
	views := make([]map[string]any, 0, len(list))
	for _, rec := range list {
		doc, err := showRecording(rec)
		if err != nil {
			return reply{}, err
		}
		views = append(views, doc)
	}
	return reply{status: http.StatusOK, data: views, page: p.page(len(views), next)}, nil
}

// createdRange is which time a list is about: by default the last 31 days.
func (s *server) createdRange(q url.Values, bad *policy.Problems) (from, to time.Time, err error) {
	from, hasFrom := instantOf(q, "created_from", bad)
	to, hasTo := instantOf(q, "created_to", bad)
	if !hasTo {
		to = s.Now()
	}
	if !hasFrom {
		from = to.Add(-maxRange)
	}
	said := [2]int64{control.GregorianSeconds(to), control.GregorianSeconds(from)}
	switch {
	case from.After(to):
		err = badRange(fmt.Sprintf("created_to %d is prior to created_from %d", said[0], said[1]), said[1])
	case said[0]-said[1] > int64(maxRange/time.Second):
		err = badRange(fmt.Sprintf("created_to %d is more than %d seconds from created_from %d", said[0], maxRange/time.Second, said[1]), said[1])
	case hasTo:
		to = to.Add(time.Second - time.Nanosecond) // the whole second named
	}
	return from, to, err
}

func badRange(message string, cause int64) error {
	type detail struct {
		Message string `json:"message"`
		Cause   int64  `json:"cause"`
	}
	return &control.Fault{
		Status: http.StatusBadRequest, Message: "validation error",
		Data: map[string]map[string]detail{"created_from": {"date_range": {message, cause}}},
	}
}

// instantOf reads Gregorian seconds.
func instantOf(q url.Values, name string, bad *policy.Problems) (time.Time, bool) {
	text := q.Get(name)
	if text == "" {
		return time.Time{}, false
	}
	const last = 315569520000 // the year 10000
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > last {
		*bad = append(*bad, policy.Problem{Path: name, Rule: "type", Message: "Value did not match type(s): integer", Target: "seconds since the year 0", Value: text})
		return time.Time{}, false
	}
	return control.FromGregorian(n), true
}

// recording finds the recording that a path names.
func (s *server) recording(r *request) (*control.Recording, error) {
	id := r.PathValue("id")
	if !recordingID.MatchString(id) {
		return nil, &control.Fault{Status: http.StatusNotFound, Message: "bad_identifier", Data: []string{id}}
	}
	return s.Index.Recording(r.Context(), r.account, id)
}

// getRecording answers GET recordings/{id}: the document, or the file when the
// client would rather have audio.
func (s *server) getRecording(r *request) (reply, error) {
	rec, err := s.recording(r)
	if err != nil {
		return reply{}, err
	}
	doc, err := showRecording(rec)
	if err != nil {
		return reply{}, err
	}
	if wantsAudio(r) {
		return s.audio(r, rec, doc)
	}
	return reply{status: http.StatusOK, data: doc}, nil
}

// deleteRecording answers DELETE recordings/{id}: out of the index, and the file
// with it as far as it is ours to remove.
func (s *server) deleteRecording(r *request) (reply, error) {
	rec, err := s.recording(r)
	if err != nil {
		return reply{}, err
	}
	switch rec.State {
	case "armed", "recording", "masked", "finishing":
		return reply{}, &control.Fault{
			Status: http.StatusConflict, Message: "datastore_conflict",
			Data: control.Explain{Message: "conflicting documents", Cause: "the recording is still being made; stop it first"},
		}
	}
	if s.Audio != nil {
		if err := s.Audio.Remove(r.Context(), rec); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return reply{}, err
		}
	}
	if err := s.Index.DeleteRecording(r.Context(), rec.Account, rec.ID); err != nil {
		return reply{}, err
	}
	doc, err := showRecording(rec)
	if err != nil {
		return reply{}, err
	}
	doc["_read_only"] = map[string]any{"deleted": true}
	s.Log.Info("a recording was deleted", "request_id", r.id, "account", r.account, "recording", rec.ID, "by", r.token.ID)
	return reply{status: http.StatusOK, data: doc}, nil
}

// showRecording is a recording as answers have it.
func showRecording(rec *control.Recording) (map[string]any, error) {
	v, err := policy.Decode(rec.Doc)
	doc, ok := v.(map[string]any)
	if err != nil || !ok {
		return nil, fmt.Errorf("the stored recording %q is no JSON object: %w", rec.ID, errors.Join(err))
	}
	doc = policy.Public(doc)
	doc["id"] = rec.ID
	types := []any{}
	switch rec.State {
	case "spooled", "delivered", "parked":
		types = append(types, doc["content_type"])
	}
	doc["_read_only"] = map[string]any{"content_types": types}
	return doc, nil
}

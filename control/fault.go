package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"callrec/policy"
	"callrec/recording"
)

// Fault is an error in the form that is told to clients. A door whose protocol
// brings errors of its own makes Faults directly; all others come from FaultOf.
type Fault struct {
	Status     int    // HTTP
	Message    string // the short token clients branch on
	Data       any    // marshals to JSON; nothing internal
	RetryAfter time.Duration
}

// Error says what the client is told.
func (f *Fault) Error() string { return fmt.Sprintf("%d %s: %v", f.Status, f.Message, f.Data) }

// Explain is the Data of a fault that is no list of fields.
type Explain struct {
	Message string `json:"message"`
	Cause   string `json:"cause,omitempty"`
}

// retrySoon is what a client is told to wait when nothing better is known.
const retrySoon = time.Second

// FaultOf returns what a client may know of err. Of an error that it does not
// recognise that is nothing at all: the door logs it.
func FaultOf(err error) *Fault {
	var (
		fault    *Fault
		problems policy.Problems
		notFound *recording.NotFoundError
		conflict *recording.ConflictError
		crowded  *recording.CrowdedError
		refused  *recording.RefusedError
		missing  *NotFoundError
		clash    *ConflictError
		full     *FullError
	)
	switch {
	case errors.As(err, &fault):
		return fault
	case errors.As(err, &problems):
		return &Fault{Status: http.StatusBadRequest, Message: "validation error", Data: Fields(problems)}
	case errors.As(err, &notFound):
		return &Fault{Status: http.StatusNotFound, Message: "bad_identifier", Data: Explain{"bad identifier", notFound.Error()}}
	case errors.As(err, &conflict):
		return &Fault{Status: http.StatusConflict, Message: "datastore_conflict", Data: Explain{"conflicting documents", conflict.Error()}}
	case errors.As(err, &crowded):
		return &Fault{Status: http.StatusConflict, Message: "too_many_recordings", Data: Explain{"too many recordings", crowded.Error()}}
	case errors.As(err, &missing):
		return &Fault{Status: http.StatusNotFound, Message: "bad_identifier", Data: Explain{"bad identifier", fmt.Sprintf("there is no %s %q", singular(missing.What), missing.ID)}}
	case errors.As(err, &clash):
		one := *clash
		one.Ref.Kind = singular(one.Ref.Kind)
		return &Fault{Status: http.StatusConflict, Message: "datastore_conflict", Data: Explain{"conflicting documents", one.Error()}}
	case errors.As(err, &full):
		return &Fault{Status: http.StatusInsufficientStorage, Message: "datastore_fault", Data: Explain{"the store is full", full.Reason}}
	case errors.Is(err, ErrUnavailable):
		return &Fault{
			Status: http.StatusServiceUnavailable, Message: "datastore_unreachable",
			Data: Explain{Message: "datastore unreachable"}, RetryAfter: retrySoon,
		}
	case errors.As(err, &refused):
		return unavailable(refused.Error(), refused.RetryAfter)
	case errors.Is(err, context.DeadlineExceeded):
		return unavailable("the worker did not answer in time", 0)
	case errors.Is(err, context.Canceled):
		return unavailable("the request was cancelled", 0)
	}
	return &Fault{Status: http.StatusInternalServerError, Message: "unspecified_fault", Data: Explain{Message: "internal error; the log of the worker has it under this request_id"}}
}

func unavailable(cause string, wait time.Duration) *Fault {
	return &Fault{
		Status: http.StatusServiceUnavailable, Message: "service_unavailable",
		Data: Explain{"service unavailable", cause}, RetryAfter: max(wait, retrySoon),
	}
}

// Detail is what is wrong with one field under one rule.
type Detail struct {
	Message string `json:"message"`
	Target  any    `json:"target,omitempty"`
	Cause   any    `json:"cause,omitempty"` // of a length: the value again, where Kazoo's clients look for it
	Value   any    `json:"value,omitempty"`
	Format  string `json:"format,omitempty"` // of a wrong format: the target again
}

// Fields groups problems the way Crossbar tells them: path, then rule. Of two
// problems with the same path and rule the first one stays.
func Fields(problems policy.Problems) map[string]map[string]Detail {
	out := make(map[string]map[string]Detail, len(problems))
	for _, p := range problems {
		rules := out[p.Path]
		if rules == nil {
			rules = make(map[string]Detail, 1)
			out[p.Path] = rules
		}
		if _, told := rules[p.Rule]; told {
			continue
		}
		d := Detail{Message: p.Message, Target: p.Target, Value: echo(p)}
		switch p.Rule {
		case "minLength", "maxLength":
			d.Cause = d.Value
		case "wrong_format":
			d.Format, _ = p.Target.(string)
		}
		rules[p.Rule] = d
	}
	return out
}

// maxEcho bounds how much of a faulty value is sent back.
const maxEcho = 256

// echo returns the value of a problem as far as it is safe and useful to send
// back: scalars only, long text cut, nothing of what is in the place of a url, and of
// a url in another place not its password.
func echo(p policy.Problem) any {
	if p.Path == "url" || strings.HasSuffix(p.Path, ".url") {
		return nil
	}
	switch v := p.Value.(type) {
	case string:
		v = policy.Redact(v)
		if len(v) > maxEcho {
			return strings.ToValidUTF8(v[:maxEcho], "") + "…"
		}
		return v
	case map[string]any, []any:
		return nil
	default:
		return v
	}
}

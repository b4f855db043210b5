package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"callrec/control"
	"callrec/recording"
)

// heartbeat is how often a stream of events shows that it lives.
const heartbeat = 15 * time.Second

// eventView is one event as the stream tells it. Version grows when a field
// changes its meaning; new fields do not change it.
type eventView struct {
	Version        int            `json:"version"`
	Name           string         `json:"name"` // "channel.answered", "recording.spooled"
	At             string         `json:"at"`
	AccountID      string         `json:"account_id"`
	CallID         string         `json:"call_id"`
	OtherLegCallID string         `json:"other_leg_call_id,omitempty"`
	Detail         string         `json:"detail,omitempty"` // which leg, or why
	Digit          string         `json:"digit,omitempty"`  // of channel.digit
	Recording      *recordingView `json:"recording,omitempty"`
}

const eventVersion = 1

func viewEvent(e *recording.Event) eventView {
	v := eventView{
		Version: eventVersion, Name: "channel." + e.Name, At: stamp(e.At), AccountID: e.Call.Account, CallID: e.Call.Call,
		OtherLegCallID: e.Spec.OtherLegCallID, Detail: e.Detail, Digit: e.Digit,
	}
	if e.Recording != nil {
		rec := describeRecording(*e.Recording)
		v.Name, v.Recording = "recording."+e.Name, &rec
	}
	return v
}

// events answers GET events: Server-Sent Events until the client goes, is too
// slow, or the worker stops. There is no history; who reconnects looks at the
// channels and recordings first.
func (s *server) events(r *request) (reply, error) {
	if s.Feed == nil {
		return reply{}, notFound("this worker tells no events")
	}
	l, ok := s.Feed.Listen(r.account)
	if !ok {
		return reply{}, &control.Fault{
			Status: http.StatusServiceUnavailable, Message: "service_unavailable", RetryAfter: heartbeat,
			Data: control.Explain{Message: "service unavailable", Cause: "too many listen to events, or the worker is stopping"},
		}
	}
	return reply{status: http.StatusOK, raw: func(w http.ResponseWriter) {
		defer l.Close()
		h := w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no") // nginx would wait for more
		if r.Method != http.MethodHead {
			s.stream(w, r, l)
		}
	}}, nil
}

// stream writes events until there are no more to come.
func (s *server) stream(w http.ResponseWriter, r *request, l *control.Listener) {
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Time{}) // or the server takes the client's silence for its end
	write := func(text string) bool {
		_ = rc.SetWriteDeadline(time.Now().Add(WriteTimeout)) // not every writer has one
		_, err := w.Write([]byte(text))
		return err == nil && rc.Flush() == nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	if !write(": listening\n\n") {
		return
	}
	for {
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
			if !write(": alive\n\n") {
				return
			}
		case e, more := <-l.Events:
			if !more {
				text := ": the worker is stopping\n\n"
				if l.Slow() {
					text = ": too slow, events were lost\n\n"
				}
				write(text)
				return
			}
			body, err := json.Marshal(viewEvent(&e))
			if err != nil {
				s.Log.Error("an event cannot be encoded", "request_id", r.id, "err", err)
				continue
			}
			kind := "channel"
			if e.Recording != nil {
				kind = "recording"
			}
			if !write(fmt.Sprintf("event: %s\ndata: %s\n\n", kind, body)) {
				return
			}
		}
	}
}

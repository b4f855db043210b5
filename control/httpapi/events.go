package httpapi

import (
	"fmt"
	"net/http"
	"time"

	"callrec/control"
)

// heartbeat is how often a stream of events shows that it lives.
const heartbeat = 15 * time.Second

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
			Data: control.Explain{Message: "service unavailable", Cause: "too many listen to events, of this account or in all, or the worker is stopping"},
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
			kind := "channel"
			if e.Recording != nil {
				kind = "recording"
			}
			if !write(fmt.Sprintf("event: %s\ndata: %s\n\n", kind, control.EventJSON(&e))) {
				return
			}
		}
	}
}

package httpapi

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"callrec/control"
)

// wantsAudio reports whether the client would rather have the file: the first type
// it accepts that we have decides. ?accept= is for clients that cannot set headers.
func wantsAudio(r *request) bool {
	accept := r.URL.Query().Get("accept")
	if accept == "" {
		accept = strings.Join(r.Header.Values("Accept"), ",")
	}
	for part := range strings.SplitSeq(accept, ",") {
		kind, _, err := mime.ParseMediaType(strings.TrimSpace(part))
		switch {
		case err != nil:
		case strings.HasPrefix(kind, "audio/"), kind == "application/octet-stream":
			return true
		case kind == "application/json", kind == "application/*", kind == "*/*":
			return false
		}
	}
	return false
}

// slowest is the slowest client a file is kept open for, in bytes a second.
const slowest = 8 << 10

// audio answers with the file of a recording, or with the part of it asked for.
func (s *server) audio(r *request, rec *control.Recording, doc map[string]any) (reply, error) {
	f, size, err := s.openAudio(r, rec)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errors.ErrUnsupported):
		cause := "this worker holds no file of it"
		if where, _ := doc["url"].(string); where != "" {
			cause += "; it goes to " + where
		}
		return reply{}, &control.Fault{
			Status: http.StatusNotFound, Message: "bad_identifier",
			Data: map[string]any{"message": "bad identifier", "details": rec.ID, "cause": cause},
		}
	case err != nil:
		return reply{}, fmt.Errorf("cannot open the file of recording %s: %w", rec.ID, err)
	}
	kind, _ := doc["content_type"].(string)
	name, _ := doc["name"].(string)
	disposition := "attachment"
	if r.URL.Query().Get("inline") == "true" {
		disposition = "inline"
	}
	return reply{status: http.StatusOK, raw: func(w http.ResponseWriter) {
		defer f.Close()
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": name}))
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if !soundRange(r.Header.Get("Range"), size) {
			r.Header.Del("Range") // as Kazoo has it, the whole file
		}
		// Not every writer has deadlines; then none ends the answer.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(WriteTimeout + time.Duration(size/slowest)*time.Second))
		http.ServeContent(w, r.Request, "", time.Time{}, f)
	}}, nil
}

func (s *server) openAudio(r *request, rec *control.Recording) (io.ReadSeekCloser, int64, error) {
	if s.Audio == nil {
		return nil, 0, fs.ErrNotExist
	}
	f, err := s.Audio.Open(r.Context(), rec)
	if err != nil {
		return nil, 0, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, err
	}
	return f, size, nil
}

// soundRange reports whether a Range header asks for one stretch that a file of
// size bytes has.
func soundRange(text string, size int64) bool {
	spec, ok := strings.CutPrefix(text, "bytes=")
	first, last, dash := strings.Cut(spec, "-")
	if !ok || !dash {
		return false
	}
	if first == "" { // the last so many
		n, err := strconv.ParseInt(last, 10, 64)
		return err == nil && n > 0 && size > 0
	}
	a, err := strconv.ParseInt(first, 10, 64)
	if err != nil || a < 0 || a >= size {
		return false
	}
	if last == "" {
		return true
	}
	b, err := strconv.ParseInt(last, 10, 64)
	return err == nil && b >= a
}

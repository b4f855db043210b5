package httpput

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"callrec/upload"
	"callrec/upload/guard"
)

// request is one of the requests that a try may take.
type request struct {
	method string
	url    *url.URL // without userinfo
	user   *url.Userinfo
}

// drained is how much of an answer is read, for the sake of the connection.
const drained = 8 << 10

// send makes one request. It returns where a redirect leads, or nil for success.
func (t *Target) send(ctx context.Context, o upload.Object, r request) (*url.URL, error) {
	where := upload.Redact(r.url.String())
	b := &body{object: o}
	req, err := t.newRequest(ctx, o, r, b)
	if err != nil {
		return nil, fmt.Errorf("cannot deliver to %q: %w", where, err)
	}
	resp, err := t.transport.RoundTrip(req)
	if err != nil {
		return nil, explain(ctx, where, b, err)
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, resp.Body, drained) // the answer's words do not matter
		_ = resp.Body.Close()
	}()
	return judge(resp, where, r.url, b.sent.Load() >= o.Size)
}

func (t *Target) newRequest(ctx context.Context, o upload.Object, r request, b *body) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, "http://host.invalid", nil)
	if err != nil {
		return nil, err
	}
	req.URL, req.Host = r.url, r.url.Host
	req.ContentLength = o.Size
	req.Body = http.NoBody
	if o.Size > 0 {
		if req.Body, err = b.open(); err != nil {
			return nil, err
		}
		req.GetBody = b.open // when a kept connection turns out to be dead
	}
	contentType := o.ContentType
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(o.SHA256[:])+":")
	req.Header.Set("Idempotency-Key", o.ID)
	req.Header.Set("User-Agent", t.cfg.Agent)
	if r.user != nil {
		password, _ := r.user.Password()
		req.SetBasicAuth(r.user.Username(), password)
	}
	return req, nil
}

// explain gives a request that got no answer its class and its words.
func explain(ctx context.Context, where string, b *body, err error) error {
	class := upload.Retry
	switch {
	case errors.Is(err, guard.ErrURL):
		class = upload.Permanent
	case b.failure() != nil:
		err = fmt.Errorf("cannot read the recording: %w", b.failure())
	case context.Cause(ctx) != nil:
		err = context.Cause(ctx)
	}
	return upload.Fail(class, "cannot deliver to %q: %w", where, stripURL(err))
}

// stripURL drops the layers of an error that quote a URL.
func stripURL(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return stripURL(ue.Err)
	}
	return err
}

// judge reads the answer.
func judge(resp *http.Response, where string, from *url.URL, whole bool) (*url.URL, error) {
	code := resp.StatusCode
	switch {
	case code >= 200 && code < 300:
		if !whole {
			return nil, upload.Fail(upload.Retry, "cannot deliver to %q: it answered %d before it had the whole file", where, code)
		}
		return nil, nil
	case code == 301 || code == 302 || code == 307 || code == 308:
		next, err := from.Parse(resp.Header.Get("Location"))
		if err != nil || resp.Header.Get("Location") == "" {
			return nil, upload.Fail(upload.Slow, "cannot deliver to %q: it redirects (%d) to nowhere", where, code)
		}
		next.Fragment, next.RawFragment = "", ""
		return next, nil
	}
	class := upload.Slow
	if code >= 500 || code == http.StatusRequestTimeout || code == http.StatusTooEarly || code == http.StatusTooManyRequests {
		class = upload.Retry
	}
	return nil, &upload.Error{
		Class:      class,
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now()),
		Err:        fmt.Errorf("cannot deliver to %q: it answered %d %s", where, code, http.StatusText(code)),
	}
}

// retryAfter reads both forms of the header; what makes no sense is no wish.
func retryAfter(s string, now time.Time) time.Duration {
	const most = 365 * 24 * time.Hour
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Duration(min(max(n, 0), int64(most/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil {
		return min(max(at.Sub(now), 0), most)
	}
	return 0
}

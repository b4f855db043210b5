package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Getter is a Target that can give audio back.
type Getter interface {
	// Get opens a recording's audio. The error is fs.ErrNotExist when the target
	// has none, errors.ErrUnsupported when it gives none back.
	Get(ctx context.Context, r Ref) (io.ReadSeekCloser, error)
}

// Deleter is a Target that can remove what it keeps.
type Deleter interface {
	// Delete removes a recording and its sidecar; nil if there is none. The error
	// is errors.ErrUnsupported when the target cannot.
	Delete(ctx context.Context, r Ref) error
}

// Router is the Target that sends each recording where its destination says. It
// is a Getter and a Deleter as far as its targets are.
type Router struct {
	Default Target // for destinations without a url
	HTTP    Target // for http and https
	S3      Target // for s3
	File    Target // for file
}

// route finds the target of a url.
func (r Router) route(url string) (Target, error) {
	scheme, _, _ := strings.Cut(url, ":")
	var target Target
	switch {
	case url == "":
		target = r.Default
	case scheme == "http" || scheme == "https":
		target = r.HTTP
	case scheme == "s3":
		target = r.S3
	case scheme == "file":
		target = r.File
	default:
		return nil, Fail(Permanent, "cannot deliver to a url of scheme %.16q: this worker knows http, https, s3 and file", scheme)
	}
	if target == nil {
		return nil, Fail(Permanent, "cannot deliver to %q: no target is set up for it; see --storage and --allow-target", Redact(url))
	}
	return target, nil
}

// Put hands o to the target of its destination's scheme.
func (r Router) Put(ctx context.Context, o Object) error {
	target, err := r.route(o.Destination.URL)
	if err != nil {
		return err
	}
	return target.Put(ctx, o)
}

// Get opens audio that a target keeps.
func (r Router) Get(ctx context.Context, ref Ref) (io.ReadSeekCloser, error) {
	target, err := r.route(ref.URL)
	if err != nil {
		return nil, err
	}
	if g, ok := target.(Getter); ok {
		return g.Get(ctx, ref)
	}
	return nil, fmt.Errorf("cannot get recording %.64q back from %q: %w", ref.ID, Redact(ref.URL), errors.ErrUnsupported)
}

// Delete removes what a target keeps.
func (r Router) Delete(ctx context.Context, ref Ref) error {
	target, err := r.route(ref.URL)
	if err != nil {
		return err
	}
	if d, ok := target.(Deleter); ok {
		return d.Delete(ctx, ref)
	}
	return fmt.Errorf("cannot remove recording %.64q from %q: %w", ref.ID, Redact(ref.URL), errors.ErrUnsupported)
}

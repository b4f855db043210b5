package s3

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"

	"callrec/upload"
	"callrec/upload/guard"
)

// partSize is the size above which a recording goes out in parts of that size.
// Up to it the server checks the digest of the whole.
const partSize = 256 << 20

// Target keeps recordings in buckets. Its methods may be called by anybody.
type Target struct {
	client    *minio.Client
	transport *http.Transport
	own       place
	guard     *guard.Guard
}

// Close closes connections that are idle. Tries that run go on.
func (t *Target) Close() error {
	t.transport.CloseIdleConnections()
	return nil
}

// keys are where a recording is kept.
func (t *Target) keys(r upload.Ref) (bucket, audio, sidecar string, err error) {
	p := t.own
	if r.URL != "" {
		if t.guard == nil {
			return "", "", "", upload.Fail(upload.Permanent, "cannot use %q: no bucket is open to tenants; see --allow-target", upload.Redact(r.URL))
		}
		if err := t.guard.CheckS3(r.URL); err != nil {
			return "", "", "", upload.Fail(upload.Permanent, "cannot use %q: %w", upload.Redact(r.URL), err)
		}
		if p.bucket, p.prefix, err = guard.Bucket(r.URL); err != nil {
			return "", "", "", upload.Fail(upload.Permanent, "cannot use %q: %w", upload.Redact(r.URL), err)
		}
	}
	if p.bucket == "" {
		return "", "", "", upload.Fail(upload.Permanent, "cannot keep recording %.64q: no bucket is set up; see --storage", r.ID)
	}
	audio, sidecar, err = upload.Layout(r)
	if p.prefix != "" {
		audio, sidecar = p.prefix+"/"+audio, p.prefix+"/"+sidecar
	}
	return p.bucket, audio, sidecar, err
}

// Put stores o: the sidecar first, so that audio is never without.
func (t *Target) Put(ctx context.Context, o upload.Object) error {
	bucket, audio, sidecar, err := t.keys(o.Ref())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // also for what the library has left running
	if len(o.Sidecar) > 0 {
		_, err := t.client.PutObject(ctx, bucket, sidecar, bytes.NewReader(o.Sidecar), int64(len(o.Sidecar)),
			minio.PutObjectOptions{ContentType: "application/json", DisableMultipart: true})
		if err != nil {
			return explain(ctx, bucket, err)
		}
	}
	f, err := o.Open()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	src := &source{r: f}
	var body io.Reader = src
	if at, ok := f.(io.ReaderAt); ok {
		body = &sourceAt{src, at}
	}
	opts := minio.PutObjectOptions{
		ContentType:  o.ContentType,
		UserMetadata: map[string]string{"X-Amz-Meta-Sha256": hex.EncodeToString(o.SHA256[:])},
		PartSize:     partSize, NumThreads: 1,
		DisableContentSha256: o.Size == 0, // signed in chunks, nothing at all would have no Content-Length
	}
	if o.Size <= partSize {
		opts.DisableMultipart = true
	}
	if o.Size <= partSize && !strings.HasSuffix(t.client.EndpointURL().Hostname(), ".googleapis.com") { // Google knows no such header
		opts.UserMetadata["X-Amz-Checksum-Sha256"] = base64.StdEncoding.EncodeToString(o.SHA256[:])
	}
	info, err := t.client.PutObject(ctx, bucket, audio, body, o.Size, opts)
	switch {
	case err != nil && src.err != nil:
		return upload.Fail(upload.Retry, "cannot read the recording: %w", src.err)
	case err != nil:
		return explain(ctx, bucket, err)
	case info.Size != o.Size:
		return upload.Fail(upload.Retry, "bucket %q has %d bytes of the %d sent", bucket, info.Size, o.Size)
	}
	return nil
}

// Get opens audio; reading and seeking ask the server for what is needed.
func (t *Target) Get(ctx context.Context, r upload.Ref) (io.ReadSeekCloser, error) {
	bucket, audio, _, err := t.keys(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	obj, err := t.client.GetObject(ctx, bucket, audio, minio.GetObjectOptions{})
	if err != nil {
		return nil, explain(ctx, bucket, err)
	}
	if _, err := obj.Stat(); err != nil {
		_ = obj.Close()
		if answer(err).StatusCode == http.StatusNotFound {
			return nil, fmt.Errorf("bucket %q has no such recording: %w", bucket, fs.ErrNotExist)
		}
		return nil, explain(ctx, bucket, err)
	}
	return obj, nil
}

// Delete removes audio and sidecar; it is quiet about what is not there.
func (t *Target) Delete(ctx context.Context, r upload.Ref) error {
	bucket, audio, sidecar, err := t.keys(r)
	if err != nil {
		return err
	}
	for _, key := range []string{audio, sidecar} {
		err := t.client.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{})
		if err != nil && answer(err).StatusCode != http.StatusNotFound {
			return explain(ctx, bucket, err)
		}
	}
	return nil
}

// answer is what the server said, if it is the server who failed.
func answer(err error) (a minio.ErrorResponse) {
	errors.As(err, &a)
	return a
}

// explain gives a failed request its class, in words without its url.
func explain(ctx context.Context, bucket string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return upload.Fail(upload.Retry, "cannot deliver to bucket %q: %w", bucket, cause)
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	a := answer(err)
	class := upload.Retry
	switch code := a.StatusCode; {
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests:
	case a.Code == "RequestTimeout" || a.Code == "SlowDown" || a.Code == "BadDigest" || a.Code == "IncompleteBody" || a.Code == "RequestTimeTooSkewed":
	case code >= 400:
		class = upload.Slow
	}
	if a.StatusCode > 0 {
		return upload.Fail(class, "cannot deliver to bucket %q: it answered %d %s: %w", bucket, a.StatusCode, a.Code, err)
	}
	return upload.Fail(class, "cannot deliver to bucket %q: %w", bucket, err)
}

// source remembers that it was the recording that could not be read.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// sourceAt can be read at any place, which spares the library its buffers.
type sourceAt struct {
	*source
	at io.ReaderAt
}

func (s *sourceAt) ReadAt(p []byte, off int64) (int, error) { return s.at.ReadAt(p, off) }

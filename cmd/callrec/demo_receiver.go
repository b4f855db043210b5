package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"callrec/control/httpapi"
)

// deliverWithin is how long the files may take after the hang-up: a second of
// hold, and time for a machine that is busy.
const deliverWithin = 20 * time.Second

// receiver stores what is PUT to it in a folder, as any web server that takes
// PUT would. It is the demo's stand-in for the tenant's own.
type receiver struct {
	dir    string
	addr   string
	server *http.Server
	done   chan struct{} // closed when Serve has returned
	news   chan struct{} // has one element while somebody should look

	mu       sync.Mutex // guards the following
	arrivals []arrival
	err      error // the first request that was refused
}

// arrival is one file and the request it came with.
type arrival struct {
	file   string
	line   string // of the request: method and target
	length int64  // Content-Length
	digest string // Repr-Digest, which was found to be right
	id     string // of the recording: Idempotency-Key
}

func startReceiver(ctx context.Context, dir string) (*receiver, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the receiver cannot listen: %w", err)
	}
	r := &receiver{dir: dir, addr: l.Addr().String(), done: make(chan struct{}), news: make(chan struct{}, 1)}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: httpapi.ReadHeaderTimeout}
	go func() {
		defer close(r.done)
		_ = r.server.Serve(l) // ends with stop; a request that fails says so itself
	}()
	return r, nil
}

// stop returns when the listener and its connections are gone.
func (r *receiver) stop() {
	_ = r.server.Close()
	<-r.done
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	a, status, err := r.store(req)
	r.mu.Lock()
	if err == nil {
		r.arrivals = append(r.arrivals, a)
	} else if r.err == nil {
		r.err = fmt.Errorf("the receiver refused %s %s: %w", req.Method, req.URL.Path, err)
	}
	r.mu.Unlock()
	select {
	case r.news <- struct{}{}:
	default: // whoever looks will see this one too
	}
	if err != nil {
		http.Error(w, err.Error(), status)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

// store checks one request and keeps its body. A name that exists is refused:
// nothing of an earlier run is overwritten.
func (r *receiver) store(req *http.Request) (a arrival, status int, err error) {
	if req.Method != http.MethodPut {
		return a, http.StatusMethodNotAllowed, errors.New("only PUT is taken")
	}
	if req.ContentLength < 0 {
		return a, http.StatusLengthRequired, errors.New("there is no Content-Length")
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, req.ContentLength))
	if err != nil {
		return a, http.StatusBadRequest, err
	}
	sum := sha256.Sum256(body)
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	if got := req.Header.Get("Repr-Digest"); got != digest {
		return a, http.StatusBadRequest, fmt.Errorf("the Repr-Digest is %q, of what came it is %q", got, digest)
	}
	a = arrival{
		file: filepath.Join(r.dir, path.Base(req.URL.Path)), line: req.Method + " " + req.RequestURI,
		length: req.ContentLength, digest: digest, id: req.Header.Get("Idempotency-Key"),
	}
	f, err := os.OpenFile(a.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return a, http.StatusConflict, err
	}
	_, err = io.Copy(f, bytes.NewReader(body))
	if err = errors.Join(err, f.Close()); err != nil {
		return a, http.StatusInsufficientStorage, err
	}
	return a, http.StatusCreated, nil
}

// all is every file that has arrived.
func (r *receiver) all() []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.arrivals)
}

// wait returns when n files have arrived, or when one was refused.
func (r *receiver) wait(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, deliverWithin, fmt.Errorf("no file after %v", deliverWithin))
	defer cancel()
	for {
		r.mu.Lock()
		have, err := len(r.arrivals), r.err
		r.mu.Unlock()
		if err != nil || have >= n {
			return err
		}
		select {
		case <-r.news:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d files arrived: %w", have, n, context.Cause(ctx))
		}
	}
}

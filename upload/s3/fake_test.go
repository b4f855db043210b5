package s3_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fakeS3 keeps objects in memory and speaks as much of S3 as the library asks
// for. It checks lengths and digests; signatures are for the real server's test.
type fakeS3 struct {
	mu      sync.Mutex
	objects map[string][]byte
	headers map[string]http.Header // of the last PUT of each
	parts   map[string]map[int][]byte
	close   func()
	answer  func(w http.ResponseWriter, r *http.Request) bool // true: it has answered
}

func newFake(t *testing.T) (*fakeS3, string) {
	t.Helper()
	f := &fakeS3{objects: map[string][]byte{}, headers: map[string]http.Header{}, parts: map[string]map[int][]byte{}}
	s := httptest.NewServer(f)
	f.close = s.Close
	t.Cleanup(s.Close)
	return f, s.URL
}

func (f *fakeS3) get(path string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.objects[path]
}

func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.answer != nil && f.answer(w, r) {
		return
	}
	q := r.URL.Query()
	switch {
	case r.Method == http.MethodGet && q.Has("location"):
		fmt.Fprint(w, `<LocationConstraint>us-east-1</LocationConstraint>`)
	case r.Method == http.MethodPut:
		f.put(w, r)
	case r.Method == http.MethodPost && q.Has("uploads"):
		f.mu.Lock()
		defer f.mu.Unlock()
		id := fmt.Sprint("upload-", len(f.parts))
		f.parts[id] = map[int][]byte{}
		fmt.Fprintf(w, `<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>`, id)
	case r.Method == http.MethodPost:
		f.complete(w, r)
	case r.Method == http.MethodDelete:
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.objects, r.URL.Path)
		delete(f.parts, q.Get("uploadId"))
		w.WriteHeader(http.StatusNoContent)
	default:
		b := f.get(r.URL.Path)
		if b == nil {
			refuse(w, r, http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("Etag", `"x"`)
		w.Header().Set("Last-Modified", "Mon, 23 Nov 2026 10:00:00 GMT")
		http.ServeContent(w, r, "", serverTime, bytes.NewReader(b))
	}
}

func refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, `<Error><Code>%s</Code><Message>it will not</Message></Error>`, code)
	}
}

func (f *fakeS3) put(w http.ResponseWriter, r *http.Request) {
	body, err := payload(r)
	if err != nil {
		refuse(w, r, http.StatusBadRequest, "IncompleteBody")
		return
	}
	sum := sha256.Sum256(body)
	if want := r.Header.Get("X-Amz-Checksum-Sha256"); want != "" && want != base64.StdEncoding.EncodeToString(sum[:]) {
		refuse(w, r, http.StatusBadRequest, "BadDigest")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if n, err := strconv.Atoi(r.URL.Query().Get("partNumber")); err == nil {
		f.parts[r.URL.Query().Get("uploadId")][n] = body
	} else {
		f.objects[r.URL.Path], f.headers[r.URL.Path] = body, r.Header.Clone()
	}
	w.Header().Set("Etag", `"`+hex.EncodeToString(sum[:16])+`"`)
}

func (f *fakeS3) complete(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	parts := f.parts[r.URL.Query().Get("uploadId")]
	var order []int
	for n := range parts {
		order = append(order, n)
	}
	sort.Ints(order)
	whole := []byte{}
	for _, n := range order {
		whole = append(whole, parts[n]...)
	}
	f.objects[r.URL.Path] = whole
	delete(f.parts, r.URL.Query().Get("uploadId"))
	fmt.Fprint(w, `<CompleteMultipartUploadResult><Bucket>rec</Bucket><ETag>"x-2"</ETag></CompleteMultipartUploadResult>`)
}

// payload reads a body, also one that is signed in chunks.
func payload(r *http.Request) ([]byte, error) {
	if len(r.TransferEncoding) > 0 || r.ContentLength < 0 {
		return nil, errors.New("it has no Content-Length")
	}
	if r.ContentLength == 0 || !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		b, err := io.ReadAll(r.Body)
		if err == nil && int64(len(b)) != r.ContentLength {
			err = io.ErrUnexpectedEOF
		}
		return b, err
	}
	in := bufio.NewReader(r.Body)
	out := []byte{}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(size, 16, 32)
		if err != nil {
			return nil, err
		}
		chunk := make([]byte, n+2)
		if _, err := io.ReadFull(in, chunk); err != nil && n > 0 {
			return nil, err
		}
		if n == 0 {
			break
		}
		out = append(out, chunk[:n]...)
	}
	if want := r.Header.Get("X-Amz-Decoded-Content-Length"); want != "" && want != strconv.Itoa(len(out)) {
		return nil, fmt.Errorf("%d bytes of %s", len(out), want)
	}
	return out, nil
}

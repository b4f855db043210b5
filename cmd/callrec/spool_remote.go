package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"callrec/control"
	"callrec/recording"
)

// remoteDesk is the spool of a running worker, through its API.
type remoteDesk struct {
	client      *http.Client
	url         string // of the API
	said        string // where that was found
	token, from string // and where that was
}

func (c *spoolAccess) remote(a address, said string) (spoolDesk, error) {
	token, from, err := c.token(a)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{} // no proxy: the token is between the worker and us
	if a.Certificate != "" {
		transport.TLSClientConfig = trustOnly(a.Certificate)
	}
	return &remoteDesk{
		client: &http.Client{
			Transport: transport, Timeout: time.Minute,
			// Nobody else gets the token.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		url: a.URL, said: said, token: token, from: from,
	}, nil
}

// apiAnswer is the envelope, as far as it is of use here.
type apiAnswer struct {
	Data    json.RawMessage `json:"data"`
	Status  string          `json:"status"`
	Message string          `json:"message"`
	Next    string          `json:"next_start_key"`
}

// cause is what an error says besides its message.
func (a *apiAnswer) cause() string {
	var why struct{ Cause string }
	if json.Unmarshal(a.Data, &why) != nil || why.Cause == "" {
		return a.Message
	}
	return why.Cause
}

// maxAnswer bounds what is read; a page of 1,000 is below 2 MB.
const maxAnswer = 32 << 20

func (d *remoteDesk) ask(method, path string, data, out any) (next string, err error) {
	var body io.Reader
	if data != nil {
		b, err := json.Marshal(map[string]any{"data": data})
		if err != nil {
			return "", err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, d.url+path, body)
	if err != nil {
		return "", usagef("--http: %w", err)
	}
	req.Header.Set("X-Auth-Token", d.token)
	resp, err := d.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("cannot ask the worker at %s (%s); give its API with --http: %w", d.url, d.said, err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("the worker at %s broke off its answer: %w", d.url, err)
	}
	var a apiAnswer
	if json.Unmarshal(b, &a) != nil || a.Status == "" {
		return "", fmt.Errorf("what answers at %s is no callrec API: %s (%s)", d.url, resp.Status, d.said)
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return "", fmt.Errorf("the worker at %s does not take the token of %s as its admin's (--token-file)", d.url, d.from)
	case resp.StatusCode == http.StatusNotFound && method == http.MethodPost:
		return "", &recording.NotFoundError{What: "parked recording"}
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("the worker at %s refuses (%s): %s", d.url, resp.Status, printable(a.cause()))
	}
	if err := json.Unmarshal(a.Data, out); err != nil {
		return "", fmt.Errorf("the worker at %s is of another version: %w", d.url, err)
	}
	return a.Next, nil
}

func (*remoteDesk) Running() bool { return true }

func (d *remoteDesk) Usage() (u control.SpoolUsage, err error) {
	_, err = d.ask(http.MethodGet, "/v2/spool", nil, &u)
	return u, err
}

func (d *remoteDesk) EachParked(tell func(control.Parked) error) error {
	query := url.Values{"page_size": {"1000"}}
	for {
		var list []control.Parked
		next, err := d.ask(http.MethodGet, "/v2/spool/parked?"+query.Encode(), nil, &list)
		if err != nil {
			return err
		}
		for _, p := range list {
			if err := tell(p); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		query.Set("start_key", next)
	}
}

var retryAction = map[string]string{"action": "retry"}

func (d *remoteDesk) Retry(id string) error {
	var out struct{ State string }
	_, err := d.ask(http.MethodPost, "/v2/spool/parked/"+url.PathEscape(id), retryAction, &out)
	return err
}

// RetryAll asks until everything is on its way that is parked now: one request
// takes only so long. What is parked again meanwhile is left.
func (d *remoteDesk) RetryAll() (n int, err error) {
	u, err := d.Usage()
	for err == nil && n < u.Parked.Recordings {
		var out struct{ Retried, Parked int }
		_, err = d.ask(http.MethodPost, "/v2/spool/parked", retryAction, &out)
		n += out.Retried
		if out.Retried == 0 && out.Parked > 0 && err == nil {
			err = fmt.Errorf("%s parked and cannot be sent again; the worker's log says why", counted(out.Parked, "recording"))
		}
		if out.Retried == 0 || out.Parked == 0 {
			break
		}
	}
	return n, err
}

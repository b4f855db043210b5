package httpput

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"callrec/upload"
	"callrec/upload/guard"
)

// Config is what a Target is made of; its zero value is the operator's own.
type Config struct {
	Guard    *guard.Guard  // for tenants' urls; nil trusts every url and may use a proxy
	URL      string        // used when a destination has none: the operator's storage
	TLS      *tls.Config   // nil: the system's certificate authorities
	Agent    string        // User-Agent; "" means callrec
	Resolver *net.Resolver // nil: the system's
}

// Target sends recordings over HTTP. Its methods may be called by anybody.
type Target struct {
	cfg       Config
	transport *http.Transport
}

// sendBuffer bounds what the kernel holds of a body that we have let go of.
const sendBuffer = 256 << 10

// connecting bounds the time to a connection, and again to its TLS.
const connecting = 15 * time.Second

// maxRedirects is how many are followed for one try.
const maxRedirects = 10

// New makes a Target. Close gives its idle connections up.
func New(cfg Config) (*Target, error) {
	if cfg.URL != "" {
		if _, err := parse(cfg.URL); err != nil {
			return nil, err
		}
	}
	cfg.Agent = cmp.Or(cfg.Agent, "callrec")
	return &Target{cfg: cfg, transport: Transport(cfg)}, nil
}

// Transport is the one that a Target with this Config uses.
func Transport(cfg Config) *http.Transport {
	t := &http.Transport{
		DialContext:            dialer(cfg.Guard, cfg.Resolver),
		TLSClientConfig:        cfg.TLS,
		TLSHandshakeTimeout:    connecting,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    4,
		MaxIdleConns:           64,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	if cfg.Guard == nil {
		t.Proxy = http.ProxyFromEnvironment
	}
	return t
}

// Close closes connections that are idle. Tries that run go on.
func (t *Target) Close() error {
	t.transport.CloseIdleConnections()
	return nil
}

// dialer dials what the guard lets through, looking at each address after the
// name was resolved and before the first packet goes out.
func dialer(g *guard.Guard, r *net.Resolver) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		d := net.Dialer{KeepAlive: 15 * time.Second, Timeout: connecting, Resolver: r}
		if g != nil {
			host, _, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			d.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
				to, err := netip.ParseAddrPort(address)
				if err != nil {
					return err
				}
				return g.CheckDial(host, to)
			}
		}
		conn, err := d.DialContext(ctx, network, addr)
		if tcp, ok := conn.(*net.TCPConn); ok {
			// What waits in the kernel makes no progress that the watchdog sees.
			_ = tcp.SetWriteBuffer(sendBuffer)
		}
		return conn, err
	}
}

// Put sends o and follows redirects with the same method and body.
func (t *Target) Put(ctx context.Context, o upload.Object) error {
	d := o.Destination
	d.Name = cmp.Or(d.Name, o.Name)
	if d.URL == "" {
		d.URL = t.cfg.URL
	}
	raw, err := FinalURL(d, o.Meta)
	if err != nil {
		return upload.Fail(upload.Permanent, "%w", err)
	}
	method, err := methodOf(d.Method)
	if err != nil {
		return err
	}
	user, seen := (*url.Userinfo)(nil), make(map[string]bool)
	var from *url.URL
	for range maxRedirects + 1 {
		u, err := t.admit(raw, from)
		if err != nil {
			return err
		}
		switch {
		case u.User != nil:
			user = u.User
		case from != nil && !sameHost(from, u):
			user = nil
		}
		u.User = nil
		if seen[u.String()] {
			return upload.Fail(upload.Slow, "cannot deliver to %q: its redirects lead in a circle", upload.Redact(raw))
		}
		seen[u.String()] = true
		next, err := t.send(ctx, o, request{method: method, url: u, user: user})
		if err != nil || next == nil {
			return err
		}
		raw, from = next.String(), u
	}
	return upload.Fail(upload.Slow, "cannot deliver to %q: it redirects more than %d times", upload.Redact(d.URL), maxRedirects)
}

// admit parses and judges one URL of a try; from is where a redirect came from.
func (t *Target) admit(raw string, from *url.URL) (*url.URL, error) {
	u, err := parse(raw)
	if err != nil {
		return nil, upload.Fail(upload.Permanent, "%w", err)
	}
	if from != nil && from.Scheme == "https" && u.Scheme == "http" {
		return nil, upload.Fail(upload.Slow, "cannot follow %q to %q: from https to http", upload.Redact(from.String()), upload.Redact(raw))
	}
	if t.cfg.Guard != nil {
		if err := t.cfg.Guard.CheckHTTP(raw); err != nil {
			return nil, upload.Fail(upload.Permanent, "cannot deliver to %q: %w", upload.Redact(raw), err)
		}
	}
	return u, nil
}

// sameHost tells whether credentials for one URL are meant for the other: the
// same name at the same port, where http and https on their own ports are one.
func sameHost(a, b *url.URL) bool {
	return guard.Host(a.Hostname()) == guard.Host(b.Hostname()) && standardPort(a) == standardPort(b)
}

func standardPort(u *url.URL) string {
	if p := u.Port(); p != "80" && p != "443" {
		return p
	}
	return ""
}

func methodOf(m string) (string, error) {
	switch m {
	case "", "put", http.MethodPut:
		return http.MethodPut, nil
	case "post", http.MethodPost:
		return http.MethodPost, nil
	}
	return "", upload.Fail(upload.Permanent, "cannot deliver with method %.16q: it is PUT or POST", m)
}

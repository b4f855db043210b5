package guard

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"callrec/upload"
)

// ErrURL is the answer to a url that tenants may not use; the API's clients know
// these words. What follows them says why.
var ErrURL = errors.New("invalid client URL")

// Guard looks at the text of a url when it is stored and at the address when it
// is dialled, because a name can change what it means in between. It is
// immutable.
type Guard struct {
	nets    []netip.Prefix
	hosts   map[string]bool // "host" or "host:port", lower case
	addrs   map[netip.AddrPort]bool
	buckets []string // "bucket" or "bucket/prefix"
	folders []string // absolute and clean
}

// New takes what the operator allows beyond the public internet: networks,
// hosts, hosts with a port, s3://BUCKET[/PREFIX], and folders by their absolute
// path or file: url. Addresses of cloud metadata cannot be allowed.
func New(allow []string) (*Guard, error) {
	g := &Guard{hosts: make(map[string]bool), addrs: make(map[netip.AddrPort]bool)}
	for _, a := range allow {
		if strings.HasPrefix(a, "s3:") || strings.HasPrefix(a, "file:") || strings.HasPrefix(a, "/") {
			if err := g.allowPlace(a); err != nil {
				return nil, fmt.Errorf("cannot allow target %q: %w", upload.Redact(a), err)
			}
			continue
		}
		if p, err := netip.ParsePrefix(a); err == nil {
			g.nets = append(g.nets, p.Masked())
			continue
		}
		if ap, err := netip.ParseAddrPort(a); err == nil {
			g.addrs[netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())] = true
			continue
		}
		if ip, err := netip.ParseAddr(strings.Trim(a, "[]")); err == nil {
			g.nets = append(g.nets, netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()))
			continue
		}
		host, port, hasPort := strings.Cut(a, ":")
		if host = Host(host); host == "" || strings.ContainsAny(host, "/@?# \t") || (hasPort && !validPort(port)) {
			return nil, fmt.Errorf("cannot allow target %q: give a network as 10.0.0.0/8, a host, host:port, s3://bucket/prefix, or a folder as /srv/recordings", a)
		}
		if hasPort {
			host += ":" + port
		}
		g.hosts[host] = true
	}
	return g, nil
}

func validPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// Host is a host name in the one form that names are compared in.
func Host(h string) string { return strings.ToLower(strings.TrimSuffix(h, ".")) }

// CheckURL judges a tenant's url by its text, whatever its scheme. Its errors are
// ErrURL and show no secret.
func (g *Guard) CheckURL(raw string) error {
	switch scheme, _, _ := strings.Cut(raw, ":"); scheme {
	case "s3":
		return g.CheckS3(raw)
	case "file":
		return g.CheckFile(raw)
	}
	return g.CheckHTTP(raw)
}

// CheckHTTP is CheckURL for http and https alone.
func (g *Guard) CheckHTTP(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return fmt.Errorf("%w: it is malformed", ErrURL)
	case !strings.HasPrefix(raw, "http://") && !strings.HasPrefix(raw, "https://"): // url.Parse folds case
		return fmt.Errorf("%w: its scheme must be http or https, in lower case", ErrURL)
	case u.Hostname() == "" || u.Opaque != "":
		return fmt.Errorf("%w: it has no host", ErrURL)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if !validPort(port) {
		return fmt.Errorf("%w: no such port", ErrURL)
	}
	host := Host(u.Hostname())
	if ip, err := netip.ParseAddr(host); err == nil {
		n, _ := strconv.ParseUint(port, 10, 16)
		return g.checkAddr(netip.AddrPortFrom(ip, uint16(n)))
	}
	if g.allowsHost(host, port) {
		return nil
	}
	switch last := host[strings.LastIndexByte(host, '.')+1:]; {
	case host == "localhost" || last == "localhost":
		return fmt.Errorf("%w: localhost is this worker; the operator can allow it with --allow-target", ErrURL)
	case last == "" || strings.HasPrefix(last, "0x") || strings.Trim(last, "0123456789") == "":
		return fmt.Errorf("%w: %.64q is no host name, and no address in the usual form", ErrURL, host)
	}
	return nil
}

func (g *Guard) allowsHost(host, port string) bool {
	return g.hosts[host] || g.hosts[host+":"+port]
}

// CheckDial judges the address that a connection to host is about to go to.
func (g *Guard) CheckDial(host string, to netip.AddrPort) error {
	ip := to.Addr().WithZone("").Unmap()
	if g.allowsHost(Host(host), strconv.Itoa(int(to.Port()))) && !isMetadata(ip) && !isMetadata(embedded(ip)) {
		return nil
	}
	return g.checkAddr(to)
}

func (g *Guard) checkAddr(to netip.AddrPort) error {
	ip := to.Addr().WithZone("").Unmap()
	inner := embedded(ip)
	if isMetadata(ip) || isMetadata(inner) {
		return fmt.Errorf("%w: %s is a cloud's metadata service, which no setting allows", ErrURL, ip)
	}
	if g.allowsAddr(ip, to.Port()) {
		return nil
	}
	what := denied(ip)
	if what == "" && inner.IsValid() && !g.allowsAddr(inner, to.Port()) {
		what = denied(inner)
	}
	if what != "" {
		return fmt.Errorf("%w: %s is %s; the operator can allow it with --allow-target", ErrURL, ip, what)
	}
	return nil
}

func (g *Guard) allowsAddr(ip netip.Addr, port uint16) bool {
	if g.addrs[netip.AddrPortFrom(ip, port)] {
		return true
	}
	for _, n := range g.nets {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}

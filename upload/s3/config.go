package s3

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"callrec/upload"
	"callrec/upload/guard"
	"callrec/upload/httpput"
)

// Config is what a Target is made of.
type Config struct {
	// URL is the operator's storage: s3://BUCKET/PREFIX, where the query may say
	// endpoint (http(s)://HOST[:PORT]), region and path_style (true, false). "" is
	// none: then there are only tenants' urls.
	//
	// Without them, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, AWS_REGION or
	// AWS_DEFAULT_REGION count, then Amazon's own. The credentials come from
	// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, from AWS_SHARED_CREDENTIALS_FILE
	// and AWS_PROFILE, or from the role of this machine.
	URL string

	Guard *guard.Guard // for tenants' urls; nil refuses them all
	TLS   *tls.Config  // nil: the system's certificate authorities
	Agent string       // application's name in the User-Agent; "" means callrec
}

// place is a bucket and what its keys begin with.
type place struct{ bucket, prefix string }

// settings are what a url's query and the environment say.
type settings struct {
	endpoint *url.URL
	region   string
	lookup   minio.BucketLookupType
}

// parse reads the operator's url.
func parse(raw string) (place, settings, error) {
	fail := func(err error) (place, settings, error) {
		return place{}, settings{}, fmt.Errorf("cannot use storage %q: %w", upload.Redact(raw), err)
	}
	var p place
	var q url.Values
	if raw != "" {
		var err error
		if p.bucket, p.prefix, err = guard.Bucket(raw); err != nil {
			return fail(err)
		}
		u, err := url.Parse(raw)
		if err != nil || u.Fragment != "" {
			return fail(fmt.Errorf("want s3://BUCKET/PREFIX"))
		}
		if q, err = url.ParseQuery(u.RawQuery); err != nil {
			return fail(fmt.Errorf("its query is malformed"))
		}
	}
	known := []string{"endpoint", "region", "path_style"}
	for key := range q {
		if !slices.Contains(known, key) {
			return fail(fmt.Errorf("its query says %.32q; want %v", key, known))
		}
	}
	s := settings{region: cmp.Or(q.Get("region"), os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"))}
	at := cmp.Or(q.Get("endpoint"), os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"), "https://s3.amazonaws.com")
	e, err := url.Parse(at)
	if err != nil || (e.Scheme != "http" && e.Scheme != "https") || e.Host == "" || e.User != nil || (e.Path != "" && e.Path != "/") || e.RawQuery != "" {
		return fail(fmt.Errorf("want an endpoint like https://s3.example:9000 (endpoint in its query, AWS_ENDPOINT_URL_S3)"))
	}
	s.endpoint = e
	switch q.Get("path_style") {
	case "":
		s.lookup = minio.BucketLookupAuto
	case "true", "1":
		s.lookup = minio.BucketLookupPath
	case "false", "0":
		s.lookup = minio.BucketLookupDNS
	default:
		return fail(fmt.Errorf("want path_style=true or path_style=false"))
	}
	return p, s, nil
}

// New makes a Target. It makes no connection.
func New(cfg Config) (*Target, error) {
	p, s, err := parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	transport := httpput.Transport(httpput.Config{TLS: cfg.TLS})
	// The metadata service is near, or not there at all; no proxy leads to it.
	role := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{IdleConnTimeout: time.Second}}
	client, err := minio.New(s.endpoint.Host, &minio.Options{
		Creds: credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{Client: role, Region: s.region},
		}),
		Secure: s.endpoint.Scheme == "https", Transport: transport, Region: s.region, BucketLookup: s.lookup, MaxRetries: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot use storage %q: %w", upload.Redact(cfg.URL), err)
	}
	client.SetAppInfo(cmp.Or(cfg.Agent, "callrec"), "1")
	return &Target{client: client, transport: transport, own: p, guard: cfg.Guard}, nil
}

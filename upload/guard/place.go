package guard

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,62}$`)

// Bucket takes an s3 url apart: s3://BUCKET/PREFIX. It refuses whatever could
// make two readers of the url disagree on where it leads.
func Bucket(raw string) (bucket, prefix string, err error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || !strings.HasPrefix(raw, "s3://") || u.Opaque != "":
		return "", "", errors.New("want s3://BUCKET/PREFIX")
	case u.User != nil:
		return "", "", errors.New("credentials for S3 belong in the environment or in a file, not in the url")
	case !bucketName.MatchString(u.Host):
		return "", "", fmt.Errorf("%.64q is no bucket's name", u.Host)
	}
	prefix = strings.Trim(u.Path, "/")
	for _, part := range strings.Split(prefix, "/") {
		if part == "." || part == ".." || (part == "" && prefix != "") {
			return "", "", errors.New("its prefix has . or .. in it, or empty parts")
		}
	}
	if len(prefix) > 512 || strings.ContainsFunc(prefix, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) {
		return "", "", errors.New("its prefix is longer than 512 bytes, or has marks that cannot be printed")
	}
	return u.Host, prefix, nil
}

// Folder is the absolute path that a file url leads to: file:///FOLDER.
func Folder(raw string) (string, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || !strings.HasPrefix(raw, "file://") || u.Opaque != "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("want file:///FOLDER")
	case u.Host != "" && u.Host != "localhost":
		return "", fmt.Errorf("%.64q is another machine; want file:///FOLDER", u.Host)
	case strings.ContainsFunc(u.Path, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }):
		return "", errors.New("the folder's name has marks that cannot be printed")
	}
	path := filepath.FromSlash(strings.TrimRight(u.Path, "/"))
	if !filepath.IsAbs(path) || filepath.Clean(path) != path {
		return "", errors.New("the folder must be an absolute path without . or .. and empty parts")
	}
	return path, nil
}

// allowPlace lists a bucket or a folder.
func (g *Guard) allowPlace(a string) error {
	if strings.HasPrefix(a, "s3:") {
		bucket, prefix, err := Bucket(a)
		if err != nil {
			return err
		}
		g.buckets = append(g.buckets, strings.TrimSuffix(bucket+"/"+prefix, "/"))
		return nil
	}
	if strings.HasPrefix(a, "/") {
		a = (&url.URL{Scheme: "file", Path: filepath.Clean(a)}).String()
	}
	folder, err := Folder(a)
	if err != nil {
		return err
	}
	g.folders = append(g.folders, folder)
	return nil
}

// CheckS3 judges an s3 url. Its query would say which server gets the operator's
// credentials, so tenants have none.
func (g *Guard) CheckS3(raw string) error {
	bucket, prefix, err := Bucket(raw)
	if err == nil && strings.ContainsAny(raw, "?#") {
		err = errors.New("an s3 url takes no query")
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrURL, err)
	}
	return under(g.buckets, strings.TrimSuffix(bucket+"/"+prefix, "/"), "/")
}

// CheckFile judges a file url.
func (g *Guard) CheckFile(raw string) error {
	folder, err := Folder(raw)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrURL, err)
	}
	return under(g.folders, folder, string(filepath.Separator))
}

func under(list []string, place, separator string) error {
	for _, l := range list {
		if place == l || strings.HasPrefix(place, l+separator) {
			return nil
		}
	}
	return fmt.Errorf("%w: it is under nothing that the operator allows with --allow-target", ErrURL)
}

package upload

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"time"
)

// Ref is what it takes to find a recording again where a target keeps it.
type Ref struct {
	ID, Account, Ext string
	Started          time.Time
	URL              string // of its destination; "" is the default target
}

// Ref is where o is to be found once it is delivered.
func (o Object) Ref() Ref {
	return Ref{ID: o.ID, Account: o.Account, Ext: o.Ext, Started: o.Started, URL: o.Destination.URL}
}

var (
	plainAccount = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	plainID      = regexp.MustCompile(`^[0-9]{6}-[0-9a-f]{32}$`)
	plainExt     = regexp.MustCompile(`^[a-z0-9]{1,8}$`)
)

// Layout is where targets whose names are ours to choose keep a recording:
//
//	<account>/<yyyy>/<mm>/<dd>/<recording id>.<ext>    the audio
//	<account>/<yyyy>/<mm>/<dd>/<recording id>.json     the sidecar
//
// by the UTC day it began. Nothing in it is taken from input as it came.
func Layout(r Ref) (audio, sidecar string, err error) {
	if !plainID.MatchString(r.ID) || !plainExt.MatchString(r.Ext) || r.Ext == "json" {
		return "", "", Fail(Permanent, "cannot keep recording %.64q with extension %.16q: no such name is ours", r.ID, r.Ext)
	}
	base := AccountFolder(r.Account) + r.Started.UTC().Format("/2006/01/02/") + r.ID
	return base + "." + r.Ext, base + ".json", nil
}

// AccountFolder is the name of an account's folder. One that is no plain word is
// written in hexadecimal, a long one as its digest; both begin with a mark that
// no plain word has, so no two accounts share a folder.
func AccountFolder(account string) string {
	switch {
	case plainAccount.MatchString(account):
		return account
	case len(account) <= 64:
		return "~" + hex.EncodeToString([]byte(account))
	}
	sum := sha256.Sum256([]byte(account))
	return "~sha256-" + hex.EncodeToString(sum[:])
}

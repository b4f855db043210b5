package spool

import (
	"errors"
	"fmt"
	"strings"
)

// Name names a recording's files. Nothing that comes from a tenant is ever part
// of a file name: ID is made by us and checked, Ext is one of a few formats.
type Name struct {
	ID  string // YYYYMM- and 32 hexadecimal digits
	Ext string // 1 to 8 of a-z and 0-9: "wav", "mp3"
}

const (
	manifestExt = "json"
	goneExt     = "gone"
	sentExt     = "sent"
	partSuffix  = ".part"
	tmpSuffix   = ".tmp"
	idLen       = len("202611-") + 32
)

var errName = errors.New("a recording id is YYYYMM- and 32 lower-case hexadecimal digits, its extension 1 to 8 of a-z and 0-9")

// Check refuses a name that no file may have.
func (n Name) Check() error {
	if !validID(n.ID) || !validExt(n.Ext) {
		return fmt.Errorf("cannot use name %.64q with extension %.16q: %w", n.ID, n.Ext, errName)
	}
	return nil
}

func (n Name) ready() string    { return n.ID + "." + n.Ext }
func (n Name) part() string     { return n.ID + "." + n.Ext + partSuffix }
func (n Name) manifest() string { return n.ID + "." + manifestExt }
func (n Name) gone() string     { return n.ID + "." + goneExt }
func (n Name) sent() string     { return n.ID + "." + sentExt }

func validID(id string) bool {
	if len(id) != idLen || id[6] != '-' {
		return false
	}
	for i := 0; i < len(id); i++ {
		digit := id[i] >= '0' && id[i] <= '9'
		hex := i > 6 && id[i] >= 'a' && id[i] <= 'f'
		if i != 6 && !digit && !hex {
			return false
		}
	}
	return true
}

func validExt(ext string) bool {
	if len(ext) < 1 || len(ext) > 8 || ext == manifestExt || ext == goneExt || ext == sentExt || ext == "part" || ext == "tmp" {
		return false
	}
	for i := 0; i < len(ext); i++ {
		if c := ext[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// kind is what a file in the folder is, told by its name alone.
type kind uint8

const (
	foreign kind = iota
	kindManifest
	kindTmp
	kindGone
	kindSent
	kindPart
	kindReady
)

// parseFile reads a file name; foreign is everything we never write.
func parseFile(file string) (Name, kind) {
	id, ext, ok := strings.Cut(file, ".")
	if !ok || !validID(id) {
		return Name{}, foreign
	}
	switch ext {
	case manifestExt:
		return Name{ID: id}, kindManifest
	case manifestExt + tmpSuffix:
		return Name{ID: id}, kindTmp
	case goneExt:
		return Name{ID: id}, kindGone
	case sentExt:
		return Name{ID: id}, kindSent
	}
	if e, part := strings.CutSuffix(ext, partSuffix); part && validExt(e) {
		return Name{ID: id, Ext: e}, kindPart
	}
	if validExt(ext) {
		return Name{ID: id, Ext: ext}, kindReady
	}
	return Name{}, foreign
}

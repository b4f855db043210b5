package upload_test

import (
	"regexp"
	"strings"
	"testing"

	"callrec/upload"
)

func TestAccountsNeverShareAFolder(t *testing.T) {
	safe := regexp.MustCompile(`^[A-Za-z0-9_~-]{1,72}$`)
	seen := map[string]string{}
	for _, a := range []string{
		"", ".", "..", "/", "a", "A/", "a b", "~", "~2e", "2e", "-", "é", "x\x00", "../a",
		strings.Repeat("a", 64), strings.Repeat("a", 65), strings.Repeat("a", 66), strings.Repeat("/", 64), strings.Repeat("/", 65),
	} {
		name := upload.AccountFolder(a)
		if len(name) > 150 || name == "" || !safe.MatchString(name[:min(len(name), 72)]) {
			t.Errorf("account %q gets folder %q", a, name)
		}
		if other, ok := seen[name]; ok {
			t.Errorf("accounts %q and %q share folder %q", a, other, name)
		}
		seen[name] = a
	}
}

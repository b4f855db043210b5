package main

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tokenInEnvironment is the variable that goes before every file.
const tokenInEnvironment = "CALLREC_ADMIN_TOKEN"

// adminToken returns the hash of the admin token and where it can be read. It
// comes from the environment, else from the file, which is made if it is not
// there. The token itself goes no further than this function.
func adminToken(file, data string) (hash [32]byte, where string, err error) {
	if t := strings.TrimSpace(os.Getenv(tokenInEnvironment)); t != "" {
		if err := longEnough(t, tokenInEnvironment); err != nil {
			return hash, "", err
		}
		return sha256.Sum256([]byte(t)), tokenInEnvironment, nil
	}
	given := file != ""
	if !given {
		file = filepath.Join(data, "admin-token")
	}
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && !given {
		t := rand.Text()
		if err := os.WriteFile(file, []byte(t+"\n"), 0o600); err != nil {
			return hash, "", fmt.Errorf("cannot keep the admin token: %w", err)
		}
		return sha256.Sum256([]byte(t)), file, nil
	}
	if err != nil {
		return hash, "", fmt.Errorf("cannot read the admin token (--admin-token-file): %w", err)
	}
	t := strings.TrimSpace(string(b))
	if err := longEnough(t, file); err != nil {
		return hash, "", fmt.Errorf("%w (--admin-token-file)", err)
	}
	return sha256.Sum256([]byte(t)), file, nil
}

// minToken is the fewest characters an admin token may have.
const minToken = 16

// longEnough refuses a token that can be guessed, wherever it comes from.
func longEnough(token, where string) error {
	if len(token) < minToken {
		return fmt.Errorf("the admin token in %s has %d characters, want at least %d", where, len(token), minToken)
	}
	return nil
}

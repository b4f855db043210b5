package main

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// address is how commands on the same machine find the API of the worker that
// has a data folder. The worker keeps it there while its API is open. It holds no
// secret; what it says decides who is sent the admin token, so it lies with that
// in a folder that only the worker's user can write to.
type address struct {
	PID         int    `json:"pid"`
	URL         string `json:"url"`                          // http://127.0.0.1:8000
	TokenFile   string `json:"admin_token_file"`             // "" when the token came by the environment
	Certificate string `json:"certificate_sha256,omitempty"` // with https: of the API's own
}

func addressFile(data string) string { return filepath.Join(data, "worker.json") }

// keepAddress writes it, whole or not at all.
func keepAddress(data string, a address) error {
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	tmp := addressFile(data) + ".tmp"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("cannot say in the data folder where the API is: %w", err)
	}
	if err := os.Rename(tmp, addressFile(data)); err != nil {
		return fmt.Errorf("cannot say in the data folder where the API is: %w", err)
	}
	return nil
}

// dropAddress removes it; one that a killed worker left would lead commands, with
// their token, to whoever has the port now.
func dropAddress(data string) error {
	if err := os.Remove(addressFile(data)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove the address of an API that is closed: %w", err)
	}
	return nil
}

func loadAddress(data string) (a address, err error) {
	b, err := os.ReadFile(addressFile(data))
	if err == nil {
		err = json.Unmarshal(b, &a)
	}
	return a, err
}

// announceAddress is the last step of a start.
func (w *worker) announceAddress() error {
	host, port, err := net.SplitHostPort(w.apiAddr)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() { // it listens everywhere, so on loopback too
		host = "127.0.0.1"
		if ip.To4() == nil {
			host = "::1"
		}
	}
	a := address{PID: os.Getpid(), URL: "http://" + net.JoinHostPort(host, port), Certificate: w.certificate}
	if w.tokenPlace != tokenInEnvironment {
		if a.TokenFile, err = filepath.Abs(w.tokenPlace); err != nil {
			return err
		}
	}
	if a.Certificate != "" {
		a.URL = "https://" + net.JoinHostPort(host, port)
	}
	return keepAddress(w.cfg.data, a)
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// trustOnly trusts one certificate, whatever names it bears: on loopback it is
// seldom issued for that.
func trustOnly(certificate string) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // replaced by what follows
		VerifyConnection: func(c tls.ConnectionState) error {
			if got := fingerprint(c.PeerCertificates[0].Raw); got != certificate {
				return fmt.Errorf("the API has another certificate (sha256 %.16s…) than its worker had at its start (%.16s…)", got, certificate)
			}
			return nil
		},
	}
}

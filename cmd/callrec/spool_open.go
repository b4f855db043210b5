package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"callrec/control"
	"callrec/recording"
	"callrec/upload"
	"callrec/upload/spool"
)

// open finds the spool: the worker's that is named, else the one that has the
// data folder, else the folder itself.
func (c *spoolAccess) open() (spoolDesk, error) {
	if c.HTTP != "" {
		url, err := apiURL(c.HTTP)
		if err != nil {
			return nil, err
		}
		return c.remote(address{URL: url}, "--http")
	}
	folder, err := lookInto(c.Data)
	if err != nil {
		return nil, err
	}
	pid, held, err := folder.Owner()
	if err != nil {
		return nil, err
	}
	if !held {
		return idleDesk{folder}, nil
	}
	a, err := loadAddress(c.Data)
	if err == nil && pid != fmt.Sprint(a.PID) {
		err = fmt.Errorf("that is of another worker, pid %d", a.PID)
	}
	if err != nil {
		return nil, fmt.Errorf("a worker (pid %s) has %s, but does not say where its API is: it starts or stops; try again, or give the API with --http: %w", pid, c.Data, err)
	}
	return c.remote(a, addressFile(c.Data))
}

// lookInto finds the spool of a data folder.
func lookInto(data string) (spool.Folder, error) {
	folder, err := spool.Look(filepath.Join(data, "spool"))
	if errors.Is(err, fs.ErrNotExist) {
		return folder, fmt.Errorf("%s is no data folder of a worker: it has no spool (--data)", data)
	}
	return folder, err
}

// apiURL reads --http. Without a scheme it is http on loopback alone: what goes
// to other machines bears the admin token.
func apiURL(addr string) (string, error) {
	scheme, _, ok := strings.Cut(addr, "://")
	switch {
	case ok && scheme != "http" && scheme != "https":
		return "", usagef("--http: want ADDR:PORT, http://… or https://…, got %q", upload.Redact(addr))
	case ok:
		return strings.TrimRight(addr, "/"), nil
	case onLoopback(addr):
		return "http://" + addr, nil
	}
	return "https://" + addr, nil
}

// token is the admin token, and where it was found.
func (c *spoolAccess) token(a address) (token, from string, err error) {
	from = c.TokenFile
	if from == "" {
		if t := strings.TrimSpace(os.Getenv(tokenInEnvironment)); t != "" {
			return t, tokenInEnvironment, nil
		}
		from = a.TokenFile
	}
	if from == "" {
		from = filepath.Join(c.Data, "admin-token")
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return "", from, fmt.Errorf("cannot read the admin token (--token-file, or %s): %w", tokenInEnvironment, err)
	}
	if token = strings.TrimSpace(string(b)); token == "" {
		return "", from, fmt.Errorf("there is no admin token in %s (--token-file)", from)
	}
	return token, from, nil
}

// idleDesk is a spool without a worker.
type idleDesk struct{ folder spool.Folder }

func (idleDesk) Running() bool { return false }

func (d idleDesk) Usage() (control.SpoolUsage, error) {
	u, err := d.folder.Usage()
	files, bytes, qerr := d.folder.Quarantine()
	return usageOf(u, files, bytes), errors.Join(err, qerr)
}

func (d idleDesk) EachParked(tell func(control.Parked) error) error {
	const everything = int(^uint(0) >> 1)
	list, err := d.folder.Parked("", everything)
	for _, m := range list {
		if err := tell(parkedOf(upload.ParkedOf(&m), time.Now())); err != nil {
			return err
		}
	}
	if err != nil {
		return fmt.Errorf("not everything can be read; the worker's next start moves what it cannot use into quarantine: %w", err)
	}
	return nil
}

func (d idleDesk) Retry(id string) error {
	_, err := d.folder.Unpark([]string{id})
	if errors.Is(err, spool.ErrNotParked) {
		return &recording.NotFoundError{What: "parked recording", Name: id}
	}
	return d.explain(err)
}

func (d idleDesk) RetryAll() (int, error) {
	done, err := d.folder.Unpark(nil)
	return len(done), d.explain(err)
}

// explain finds the worker that has started since we looked.
func (d idleDesk) explain(err error) error {
	if pid, held, _ := d.folder.Owner(); err != nil && held {
		return fmt.Errorf("a worker (pid %s) has the folder now; run the command again: %w", pid, err)
	}
	return err
}

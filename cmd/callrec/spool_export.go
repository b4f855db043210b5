package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"callrec/control"
	"callrec/upload"
	"callrec/upload/spool"
)

type spoolExportCmd struct {
	Data string   `help:"The worker's data folder." default:"./callrec-data" placeholder:"DIR"`
	Out  string   `required:"" env:"-" help:"Folder to copy to; it is made if it is not there. Nothing in it is overwritten." placeholder:"DIR"`
	JSON bool     `help:"One JSON object a line, to be read by programs."`
	All  bool     `env:"-" help:"Copy everything that is parked."`
	IDs  []string `arg:"" name:"id" optional:"" help:"Recordings to copy: parked, or waiting."`
}

// Run copies.
func (c *spoolExportCmd) Run() error {
	ids, err := whichRecordings(c.IDs, c.All)
	if err != nil {
		return err
	}
	return c.run(ids, os.Stdout)
}

func (c *spoolExportCmd) run(ids []string, w io.Writer) error {
	folder, err := lookInto(c.Data)
	if err != nil {
		return err
	}
	failed := 0
	if c.All {
		all := func(p control.Parked) error { ids = append(ids, p.ID); return nil }
		if err := (idleDesk{folder}).EachParked(all); err != nil {
			failed++
			fmt.Fprintln(os.Stderr, "callrec:", err)
		}
	}
	if err := os.MkdirAll(c.Out, 0o700); err != nil {
		return fmt.Errorf("cannot copy into %s (--out): %w", c.Out, err)
	}
	for _, id := range ids {
		audio, err := exportOne(folder, id, c.Out)
		if err == nil {
			if c.JSON {
				err = json.NewEncoder(w).Encode(map[string]string{"id": id, "audio": audio})
			} else {
				_, err = fmt.Fprintln(w, audio)
			}
			if err != nil {
				return err
			}
			continue
		}
		failed++
		fmt.Fprintln(os.Stderr, "callrec:", err)
	}
	if failed > 0 {
		return fmt.Errorf("not everything could be copied: %s", counted(failed, "failure"))
	}
	return nil
}

// exportOne copies a recording's audio, and then what stands beside it in a
// storage folder: where that is, the audio is whole.
func exportOne(folder spool.Folder, id, dir string) (audio string, err error) {
	m, from, err := folder.Open(id)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is not in the spool: it may be delivered (callrec spool list)", id)
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = from.Close() }()
	sidecar, err := upload.Sidecar(&m)
	if err != nil {
		return "", err
	}
	audio = filepath.Join(dir, m.ID+"."+m.Ext)
	if err := place(audio, from, m.SHA256); err != nil {
		return "", err
	}
	sum := sha256.Sum256(sidecar)
	return audio, place(filepath.Join(dir, m.ID+".json"), bytes.NewReader(sidecar), sum[:])
}

// place makes a file of what from holds, under its name only when all of it is
// on the disk. A file that is there already has to be the same.
func place(path string, from io.Reader, want []byte) (err error) {
	if have, err := os.Open(path); err == nil {
		defer func() { _ = have.Close() }()
		h := sha256.New()
		if _, err := io.Copy(h, have); err != nil {
			return err
		}
		if !bytes.Equal(h.Sum(nil), want) {
			return fmt.Errorf("%s is there and has other content; nothing is overwritten, copy into another folder (--out)", path)
		}
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("cannot copy (--out): %w", err)
	}
	defer func() {
		_ = tmp.Close()
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(tmp, h), from); err != nil {
		return fmt.Errorf("cannot copy to %s: %w", path, err)
	}
	if err := tmp.Sync(); err != nil {
		return fmt.Errorf("cannot copy to %s: %w", path, err)
	}
	if !bytes.Equal(h.Sum(nil), want) {
		return fmt.Errorf("the audio of %s has other bytes than were recorded; the file in the spool is damaged (callrec inspect tells where)", filepath.Base(path))
	}
	return os.Rename(tmp.Name(), path)
}

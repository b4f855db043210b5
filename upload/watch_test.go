package upload_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"callrec/upload"
	"callrec/upload/targettest"
)

type targetFunc func(context.Context, upload.Object) error

func (f targetFunc) Put(ctx context.Context, o upload.Object) error { return f(ctx, o) }

// slowly reads an object in pieces, pausing after each, and then waits for an
// answer.
func slowly(pause, answer time.Duration) targetFunc {
	return func(ctx context.Context, o upload.Object) error {
		f, err := o.Open()
		if err != nil {
			return err
		}
		defer f.Close()
		wait := func(d time.Duration) error {
			t := time.NewTimer(d)
			defer t.Stop()
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-t.C:
				return nil
			}
		}
		for buf := make([]byte, 1000); ; {
			n, err := f.Read(buf)
			if errors.Is(err, io.EOF) || n == 0 {
				return wait(answer)
			}
			if err := wait(pause); err != nil {
				return err
			}
		}
	}
}

func TestWatchEndsWhatStandsStillAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		target upload.Target
		ok     bool
	}{
		"slow for hours": {slowly(50*time.Second, 5*time.Second), true},
		"stands still":   {slowly(61*time.Second, 0), false},
		"never answers":  {slowly(time.Second, 61*time.Second), false},
		"busy otherwise": {targetFunc(func(ctx context.Context, _ upload.Object) error {
			for range 100 {
				time.Sleep(50 * time.Second)
				upload.Moved(ctx)
			}
			return ctx.Err()
		}), true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := targettest.Object(1, upload.Destination{}, bytes.Repeat([]byte("x"), 200_000))
				err := upload.Watch(c.target, time.Minute).Put(t.Context(), o)
				if (err == nil) != c.ok {
					t.Errorf("got %v", err)
				}
				if err != nil && (upload.ClassOf(err) != upload.Retry || !strings.Contains(err.Error(), "no progress for 1m0s")) {
					t.Errorf("got %v, class %v", err, upload.ClassOf(err))
				}
			})
		})
	}
}

// A target may read the recording at any place if the file can.
func TestWatchKeepsReadAt(t *testing.T) {
	err := upload.Watch(targetFunc(func(_ context.Context, o upload.Object) error {
		f, err := o.Open()
		if err != nil {
			return err
		}
		at, ok := f.(io.ReaderAt)
		if !ok {
			return errors.New("it cannot be read at a place")
		}
		b := make([]byte, 3)
		if _, err := at.ReadAt(b, 2); err != nil || string(b) != "cde" {
			return errors.New("it reads something else")
		}
		return nil
	}), time.Minute).Put(t.Context(), targettest.Object(1, upload.Destination{}, []byte("abcdef")))
	if err != nil {
		t.Error(err)
	}
}

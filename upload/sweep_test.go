package upload_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"callrec/upload"
)

type expirer func(ctx context.Context, before time.Time) (int, error)

func (e expirer) Expire(ctx context.Context, before time.Time) (int, error) { return e(ctx, before) }

func TestSweeperSweepsHourlyAndEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ages []time.Duration
		s := upload.NewSweeper(expirer(func(ctx context.Context, before time.Time) (int, error) {
			ages = append(ages, time.Since(before))
			if len(ages) == 3 {
				<-ctx.Done() // very much to remove
				return 7, ctx.Err()
			}
			return 0, errors.New("the disk is away for now")
		}), 720*time.Hour, slog.New(slog.DiscardHandler))
		time.Sleep(5 * time.Hour)
		s.Close()
		if len(ages) != 3 || ages[0] != 720*time.Hour || ages[2] != 720*time.Hour {
			t.Errorf("swept with %v", ages)
		}
	})
}

package store

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// embedded is the NATS server of this process: no port, no signals, its files in
// one folder.
type embedded struct {
	*server.Server
	lock *os.File
}

// startUp bounds how long the embedded server may take to read its files.
const startUp = 2 * time.Minute

// startServer starts a server on a folder, which it takes for this process.
func startServer(dir string, log *slog.Logger) (*embedded, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the store's folder: %w", err)
	}
	lock, err := lockFolder(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	s, err := server.NewServer(&server.Options{
		ServerName: "callrec", DontListen: true, NoSigs: true, NoSystemAccount: true,
		JetStream: true, StoreDir: dir, DisableJetStreamBanner: true,
		// Reservations against these are our own buckets' bounds; the disk is watched elsewhere.
		JetStreamMaxStore: 1 << 50, JetStreamMaxMemory: 64 << 20,
		SyncInterval: syncInterval,
	})
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("cannot make the embedded NATS server: %w", err)
	}
	e := &embedded{s, lock}
	s.SetLogger(serverLog{log}, false, false)
	s.Start()
	if !s.ReadyForConnections(startUp) || !s.JetStreamEnabled() {
		e.stop()
		return nil, errors.New("cannot start the embedded NATS server on " + dir + "; the log says why")
	}
	return e, nil
}

// syncInterval is what a power failure may take with it.
const syncInterval = time.Second

func (e *embedded) stop() {
	e.Shutdown()
	e.WaitForShutdown()
	_ = e.lock.Close()
}

// serverLog passes on what the server has to say. Its notices are for who runs a
// server, which here is nobody.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(format string, a ...any) {
	l.log.Debug("nats: " + fmt.Sprintf(format, a...))
}

func (l serverLog) Warnf(format string, a ...any) { l.log.Warn("nats: " + fmt.Sprintf(format, a...)) }

func (l serverLog) Errorf(format string, a ...any) { l.log.Error("nats: " + fmt.Sprintf(format, a...)) }

func (l serverLog) Fatalf(format string, a ...any) { l.log.Error("nats: " + fmt.Sprintf(format, a...)) }
func (l serverLog) Debugf(string, ...any)          {}
func (l serverLog) Tracef(string, ...any)          {}

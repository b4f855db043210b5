// Package natstest runs a NATS server as an operator would, for tests: on loopback, with
// JetStream, to be stopped and started again on the same port and files. The tests of
// store, cmd/callrec and bench use it.
package natstest

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Server is one server.
type Server struct {
	t    testing.TB
	opts server.Options
	srv  *server.Server
}

// Start starts a server, whose options may be changed; it is stopped with the test.
func Start(t testing.TB, change ...func(*server.Options)) *Server {
	t.Helper()
	s := &Server{t: t, opts: server.Options{
		ServerName: "outside", Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		NoSystemAccount: true, JetStream: true, StoreDir: t.TempDir(),
	}}
	for _, c := range change {
		c(&s.opts)
	}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Start starts it again.
func (s *Server) Start() {
	s.t.Helper()
	opts := s.opts
	srv, err := server.NewServer(&opts)
	if err != nil {
		s.t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(time.Minute) {
		s.t.Fatal("the NATS server does not start")
	}
	s.srv, s.opts.Port = srv, opts.Port
}

// Stop stops it; what it had confirmed is kept.
func (s *Server) Stop() {
	s.srv.Shutdown()
	s.srv.WaitForShutdown()
}

// Addr is its host and port.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.opts.Port) }

// URL is where it is, for --nats.
func (s *Server) URL() string { return "nats://" + s.Addr() }

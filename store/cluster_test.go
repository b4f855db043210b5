package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"callrec/internal/testkit"
)

// cluster is three NATS servers as an operator would run them, on loopback.
type cluster struct {
	t       testing.TB
	opts    [3]server.Options
	servers [3]*server.Server
}

func startCluster(t testing.TB) *cluster {
	t.Helper()
	c := &cluster{t: t}
	var routes []*url.URL
	var held []net.Listener
	for range c.opts { // every server is to know of all
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, l)
		routes = append(routes, &url.URL{Scheme: "nats", Host: l.Addr().String()})
	}
	for _, l := range held {
		_ = l.Close()
	}
	for i := range c.opts {
		port, err := strconv.Atoi(routes[i].Port())
		if err != nil {
			t.Fatal(err)
		}
		c.opts[i] = server.Options{
			ServerName: fmt.Sprint("server-", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 50, JetStreamMaxMemory: 64 << 20,
			Cluster: server.ClusterOpts{Name: "pool", Host: "127.0.0.1", Port: port}, Routes: routes,
		}
	}
	for i := range c.opts {
		c.start(i)
	}
	t.Cleanup(func() {
		for i := range c.servers {
			c.stop(i)
		}
	})
	c.ready()
	return c
}

func (c *cluster) start(i int) {
	c.t.Helper()
	opts := c.opts[i]
	s, err := server.NewServer(&opts)
	if err != nil {
		c.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(time.Minute) {
		c.t.Fatal("a NATS server does not start")
	}
	c.opts[i].Port, c.servers[i] = opts.Port, s
}

// ready waits until the servers agree on who leads them and are up to date.
func (c *cluster) ready() {
	c.t.Helper()
	c.until("the cluster has a leader, and every server follows it", func() bool {
		leaders := 0
		for _, s := range c.servers {
			if s != nil && s.JetStreamIsLeader() {
				leaders++
			}
			if s != nil && !s.JetStreamIsCurrent() {
				return false
			}
		}
		return leaders == 1
	})
}

func (c *cluster) until(what string, ok func() bool) {
	c.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 0; !ok(); n++ {
		if n == 3000 {
			c.t.Fatalf("it never comes that %s", what)
		}
		<-tick.C
	}
}

func (c *cluster) stop(i int) {
	if s := c.servers[i]; s != nil {
		s.Shutdown()
		s.WaitForShutdown()
		c.servers[i] = nil
	}
}

// urls are those of all servers, as --nats takes them.
func (c *cluster) urls() string {
	var all []string
	for i := range c.opts {
		all = append(all, fmt.Sprintf("nats://127.0.0.1:%d", c.opts[i].Port))
	}
	return strings.Join(all, ",")
}

// open opens a store on the cluster. Like a worker it tries again: servers that have just
// (re)started say that they are ready before each bucket has a leader.
func (c *cluster) open() *Store {
	c.t.Helper()
	s := newTest(c.t, Config{URL: c.urls()})
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	for err := s.Connect(ctx); err != nil; err = s.Connect(ctx) {
		if !errors.Is(err, ErrUnavailable) || ctx.Err() != nil {
			c.t.Fatal(err)
		}
		c.t.Log("not yet: ", err)
		<-time.After(50 * time.Millisecond)
	}
	return s
}

// leaderOf is the server that leads a bucket.
func (c *cluster) leaderOf(b *bucket) int {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	info, err := b.stream.Info(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	return slices.IndexFunc(c.opts[:], func(o server.Options) bool { return o.ServerName == info.Cluster.Leader })
}

// Three copies of everything: with one server gone, the one that leads and that
// callrec talks to, reading never stops and changes are taken again as soon as the
// other two have agreed. With two gone changes fail, and reading goes on. When the
// servers are back, everything is there.
func TestClusterLosesServers(t *testing.T) {
	if os.Getenv("CALLREC_LONG") != "1" {
		t.Skip("elections take half a minute: CALLREC_LONG=1")
	}
	testkit.CheckLeaks(t)
	c := startCluster(t)
	a, b := c.open(), c.open()
	<-b.Loaded()
	secret := fillAccount(t, a, "acc")
	for _, bucket := range []*bucket{a.documents, a.tokens, a.recordings} {
		info, err := bucket.stream.Info(t.Context())
		if err != nil || info.Config.Replicas != 3 {
			t.Errorf("%s has %d replicas, %v", bucket.name, info.Config.Replicas, err)
		}
	}
	// known says that a store has a document in force at a text.
	known := func(s *Store, text string) bool {
		d, err := s.Get(user("acc", "1"))
		return err == nil && string(d.Data) == text
	}
	reads := func(what string) {
		t.Helper()
		for _, s := range []*Store{a, b} {
			if _, err := s.Get(user("acc", "2")); err != nil {
				t.Errorf("%s: reading: %v", what, err)
			}
			if _, ok := s.Authenticate(secret); !ok {
				t.Errorf("%s: a token does not open", what)
			}
		}
	}
	// change makes a change through a as soon as there is somebody to take it.
	change := func(text string) {
		t.Helper()
		c.until("a change is taken", func() bool {
			_, err := a.Put(t.Context(), user("acc", "1"), 0, doc("%s", text))
			if err != nil && !errors.Is(err, ErrUnavailable) {
				t.Fatal(err)
			}
			return err == nil
		})
		c.until("the other store sees the change", func() bool { return known(b, text) })
	}
	c.until("b has read what a wrote", func() bool { _, ok := b.Authenticate(secret); return ok && known(b, "1") })

	first := c.leaderOf(a.documents)
	c.stop(first)
	reads("one server is gone")
	change(`"one is gone"`)
	upsert(t, a, Recording{Account: "acc", ID: "202611-9", State: "spooled", At: noon, Created: noon, Doc: doc(`{}`)})
	if err := a.Flush(t.Context()); err != nil {
		t.Error(err)
	}

	second := (first + 1) % len(c.servers)
	c.stop(second)
	reads("two servers are gone")
	c.until("changes fail", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := a.Put(ctx, user("acc", "1"), 0, doc(`"lost"`))
		return err != nil
	})
	upsert(t, a, Recording{Account: "acc", ID: "202611-9", State: "delivered", At: noon.Add(time.Second), Created: noon, Doc: doc(`{}`)})

	c.start(first)
	c.start(second)
	c.ready()
	reads("all are back")
	change(`"all are back"`)
	if err := a.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	c.until("the index has the last state", func() bool {
		r, err := b.Recording(t.Context(), "acc", "202611-9")
		return err == nil && r.State == "delivered"
	})
	fresh := c.open()
	if !known(fresh, `"all are back"`) {
		d, err := fresh.Get(user("acc", "1"))
		t.Errorf("a new store reads %+v, %v", d, err)
	}
}

package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"callrec/store"
)

// How announcements are measured. A worker is started as an operator would, with
// the documents of 1,000 accounts of 10 users in its own store. A client in this
// process announces calls over connections that it keeps, and hangs them up: a
// batch of announcements, then the same calls' hang-ups, and the worker's CPU time,
// user and system, is read before and after each. So what the shards, the store and
// the log do for a call is in it, and nothing of the client. What is still to be done
// when the last call is over counts as hanging up. Ports rest for a minute after a
// call, so a worker gets as many calls as it has ports for, once; looking after them in
// that minute is not in it. Nothing is answered, so there are no files: a file's making,
// syncing and delivering costs many times what its announcement does, and depends on
// the disk.
const (
	announcePorts    = "1500-9699" // room for 2,050 calls, below those of the load
	announceAccounts = 1000
	announceUsers    = 10
	announceConns    = 16
	announceBatch    = 256
)

// announcement is one kind of call to announce.
type announcement struct {
	name    string
	batches int
	ports   bool   // that it must get
	data    string // its own fields, besides call_id
}

const (
	internal = `"from":"1001@acme.example","to":"1002@acme.example","from_network":"onnet","to_network":"onnet","caller":{"user_id":"u3"},"callee":{"user_id":"u4"}`
	outward  = `"from":"1001@acme.example","to":"sip:+15551234567@acme.example","caller_id_name":"Ann Lee","caller_id_number":"1001",` +
		`"from_network":"onnet","to_network":"offnet","caller":{"user_id":"u3"},` +
		`"legs":[{"leg":"caller","source":"127.0.0.1:30010"},{"leg":"callee","source":"127.0.0.1"}]`
	everyField = `"other_leg_call_id":"def456@10.0.0.1","from":"1001@acme.example","to":"sip:+15551234567@acme.example","caller_id_name":"Ann Lee","caller_id_number":"1001",` +
		`"from_network":"onnet","to_network":"offnet","caller":{"user_id":"u3"},"callee":{"device_id":"d9"},"answered":false,"bridged":false,` +
		`"legs":[{"leg":"caller","source":"127.0.0.1:30010","label":"2"},{"leg":"callee","source":"127.0.0.1","label":"1"}],` +
		`"flow":{"module":"record_call","data":{"action":"start","format":"wav","time_limit":60,"record_on_answer":true,"url":"http://127.0.0.1/recordings"},` +
		`"children":{"_":{"module":"user","data":{"id":"u4"}}}},` +
		`"sdp":"v=0\r\no=sbc 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n` +
		`m=audio 30010 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=label:1\r\na=sendonly\r\n` +
		`m=audio 30012 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=label:2\r\na=sendonly\r\n"`
)

var announcements = []announcement{
	{"unrecorded", 64, false, internal}, // documents are asked, and want nothing
	{"armed", 6, true, outward},         // they want it recorded from the answer: ports, no file
	{"everything", 6, true, everyField}, // every field, a flow and SDP; two recordings, from the answer
}

// BenchmarkAnnounce measures what a worker pays for announcing a call and for
// hanging it up. CALLREC_PROFILE names a file for a CPU profile of the run.
func BenchmarkAnnounce(b *testing.B) {
	data := b.TempDir()
	announceDocuments(b, filepath.Join(data, "nats"))
	for _, a := range announcements {
		b.Run("call="+a.name, func(b *testing.B) {
			const need = 7*announceBatch*filesEach + filesElse
			if have, err := openFiles(); err != nil || have < need {
				b.Skipf("the calls need %d open files, the limit is %d (ulimit -Hn, %v)", need, have, err)
			}
			var announce, hangup time.Duration
			for b.Loop() {
				announce, hangup = a.run(b, data)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(announce)/1e3, "µs/announce")
			b.ReportMetric(float64(hangup)/1e3, "µs/hangup")
			b.ReportMetric(float64(time.Second)/float64(announce), "announces/core-s")
		})
	}
}

// announceDocuments fills a store: every account records its users' calls to the
// outside from the answer on, as each user's own document has it.
func announceDocuments(b *testing.B, dir string) {
	b.Helper()
	s, err := store.New(store.Config{Dir: dir})
	if err == nil {
		err = s.Connect(context.Background())
	}
	if err != nil {
		b.Fatal(err)
	}
	account := json.RawMessage(`{"name":"Acme","call_recording":{"endpoint":{"outbound":{"onnet":{"enabled":false},"any":{"format":"wav"}}}}}`)
	user := json.RawMessage(`{"username":"ann","call_recording":{"outbound":{"offnet":{"record_on_answer":true},"any":{"enabled":true},"onnet":{"enabled":false}}}}`)
	err = forAll(64, announceAccounts, func(i int) error {
		name := announceAccount(i)
		_, err := s.Create(context.Background(), store.AccountRef(name), account)
		for u := 0; u < announceUsers && err == nil; u++ {
			_, err = s.Create(context.Background(), store.Ref{Account: name, Kind: "users", ID: fmt.Sprint("u", u)}, user)
		}
		return err
	})
	if err = errors.Join(err, s.Close(context.Background())); err != nil {
		b.Fatal(err)
	}
}

func announceAccount(i int) string { return fmt.Sprintf("%032x", i%announceAccounts) }

// run gives a worker its calls, and returns its CPU time for one.
func (a announcement) run(b *testing.B, data string) (announce, hangup time.Duration) {
	b.Helper()
	w := startWorker(b, data, "--rtp-ports", announcePorts)
	defer w.kill()
	conns := make([]*plainConn, announceConns)
	for i := range conns {
		c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", w.api)
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		conns[i] = &plainConn{c, bufio.NewReader(c), w.token}
	}
	if name := os.Getenv("CALLREC_PROFILE"); name != "" {
		profiled := make(chan error, 1)
		go func() { profiled <- w.profile(name+"."+a.name, 2*time.Second) }()
		defer func() {
			if err := <-profiled; err != nil {
				b.Error(err)
			}
		}()
	}
	for n := range 1 + a.batches {
		start := w.cpu()
		batch(b, conns, n, a.put)
		between := w.cpu()
		batch(b, conns, n, hangUp)
		if n > 0 { // the first is to warm up
			announce += between - start
			hangup += w.cpu() - between
		}
	}
	rest := w.cpu()
	for end := time.Now().Add(time.Minute); w.metric("callrec_calls")+w.metric(`callrec_spool_recordings{state="ready"}`) != 0; {
		if time.Now().After(end) {
			b.Fatal("some calls or recordings are left after a minute")
		}
		time.Sleep(500 * time.Millisecond) // looking costs, too
	}
	hangup += w.cpu() - rest
	calls := time.Duration(a.batches * announceBatch)
	return announce / calls, hangup / calls
}

// batch does one thing to the calls of a batch, over all connections.
func batch(b *testing.B, conns []*plainConn, n int, do func(c *plainConn, i int) error) {
	b.Helper()
	var wg sync.WaitGroup
	failed := make(chan error, len(conns))
	for k, c := range conns {
		wg.Go(func() {
			for i := n*announceBatch + k; i < (n+1)*announceBatch; i += len(conns) {
				if err := do(c, i); err != nil {
					failed <- fmt.Errorf("call %d: %w", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		b.Fatal(err)
	}
}

func (a announcement) put(c *plainConn, i int) error {
	body, err := c.send("PUT", "/v2/accounts/"+announceAccount(i)+"/channels", fmt.Sprintf(`{"data":{"call_id":"call-%d@10.0.0.1",%s}}`, i, a.data), "201")
	if err == nil && strings.Contains(body, `"rtp_port"`) != a.ports {
		err = fmt.Errorf("it is to get ports: %v, but the answer is %s", a.ports, body)
	}
	return err
}

func hangUp(c *plainConn, i int) error {
	_, err := c.send("POST", fmt.Sprintf("/v2/accounts/%s/channels/call-%d@10.0.0.1", announceAccount(i), i), `{"data":{"action":"hangup"}}`, "200")
	return err
}

// plainConn is a kept connection of a client that takes as little CPU as it can.
type plainConn struct {
	net.Conn
	in    *bufio.Reader
	token string
}

// send sends one request and returns the body of the answer, which has to have
// the status.
func (c *plainConn) send(method, path, body, status string) (string, error) {
	if _, err := fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: %s\r\nX-Auth-Token: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		method, path, c.RemoteAddr(), c.token, len(body), body); err != nil {
		return "", err
	}
	got, length := "", 0
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return "", err
		}
		line = strings.TrimSpace(line)
		switch name, value, _ := strings.Cut(line, " "); {
		case line == "":
			text := make([]byte, length)
			if _, err := io.ReadFull(c.in, text); err != nil {
				return "", err
			}
			if got != status {
				return "", fmt.Errorf("%s %s: %s %s", method, path, got, text)
			}
			return string(text), nil
		case name == "HTTP/1.1":
			got, _, _ = strings.Cut(value, " ")
		case name == "Content-Length:":
			length, _ = strconv.Atoi(value)
		}
	}
}

package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// rtpengine is a running one, reached by its "ng" protocol: bencoded
// dictionaries in UDP, each behind a cookie that its answer repeats.
type rtpengine struct {
	t    *testing.T
	conn *net.UDPConn
	ng   netip.AddrPort
}

// startRTPEngine runs Debian's rtpengine on loopback, all in user space, with
// media ports of its own.
func startRTPEngine(t *testing.T, firstPort, lastPort int) *rtpengine {
	t.Helper()
	bin, err := exec.LookPath("rtpengine")
	if err != nil {
		t.Skip("rtpengine is not installed: apt-get install --no-install-recommends rtpengine-daemon")
	}
	free := udp(t, "127.0.0.1:0")
	ng := free.LocalAddr().(*net.UDPAddr).AddrPort()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(bin, "--config-file=none", "--table=-1", "--foreground", "--log-stderr", "--log-level=5",
		"--interface=127.0.0.1", "--listen-ng="+ng.String(), fmt.Sprint("--port-min=", firstPort), fmt.Sprint("--port-max=", lastPort),
		"--num-threads=2", "--delete-delay=0", "--timeout=60")
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.Dir, cmd.Env = t.TempDir(), os.Environ()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed, and says so
		if t.Failed() {
			t.Logf("rtpengine's log:\n%s", tail(log.String(), 3000))
		}
	})
	e := &rtpengine{t: t, conn: udp(t, "127.0.0.1:0"), ng: ng}
	for end := time.Now().Add(10 * time.Second); ; {
		if _, err := e.try("ping", nil); err == nil {
			return e
		} else if time.Now().After(end) {
			t.Fatalf("rtpengine does not answer: %v", err)
		}
		time.Sleep(50 * time.Millisecond) // before it listens, sending to it may fail at once
	}
}

// do sends a command; its answer must be ok.
func (e *rtpengine) do(command string, params map[string]any) map[string]any {
	e.t.Helper()
	reply, err := e.try(command, params)
	if err != nil {
		e.t.Fatalf("rtpengine: %s: %v", command, err)
	}
	return reply
}

func (e *rtpengine) try(command string, params map[string]any) (map[string]any, error) {
	cookie := hex.EncodeToString(randomBytes(8))
	all := map[string]any{"command": command}
	maps.Copy(all, params)
	message := bencode([]byte(cookie+" "), all)
	buf := make([]byte, 1<<16)
	for range 4 { // a cookie that comes again is answered from memory
		if _, err := e.conn.WriteToUDPAddrPort(message, e.ng); err != nil {
			return nil, err
		}
		if err := e.conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			return nil, err
		}
		for {
			n, err := e.conn.Read(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return nil, err
			}
			body, ours := strings.CutPrefix(string(buf[:n]), cookie+" ")
			if !ours {
				continue
			}
			v, _, err := bdecode(body)
			reply, _ := v.(map[string]any)
			if err != nil || (reply["result"] != "ok" && reply["result"] != "pong") {
				return nil, fmt.Errorf("it says %v (%w)", v, err)
			}
			return reply, nil
		}
	}
	return nil, context.DeadlineExceeded
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// bencode appends v: strings, whole numbers, lists of strings and dictionaries.
func bencode(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return append(strconv.AppendInt(dst, int64(len(v)), 10), ":"+v...)
	case int:
		return fmt.Appendf(dst, "i%de", v)
	case []string:
		dst = append(dst, 'l')
		for _, x := range v {
			dst = bencode(dst, x)
		}
		return append(dst, 'e')
	case map[string]any:
		dst = append(dst, 'd')
		for _, k := range slices.Sorted(maps.Keys(v)) {
			dst = bencode(bencode(dst, k), v[k])
		}
		return append(dst, 'e')
	}
	panic(fmt.Sprintf("bench: cannot bencode a %T", v)) // the test's own mistake
}

var errBencode = errors.New("no bencode")

// bdecode reads one value and returns what follows it.
func bdecode(s string) (v any, rest string, err error) {
	switch {
	case s == "":
		return nil, "", errBencode
	case s[0] == 'i':
		number, rest, ok := strings.Cut(s[1:], "e")
		n, err := strconv.Atoi(number)
		if err != nil || !ok {
			return nil, "", errBencode
		}
		return n, rest, nil
	case s[0] == 'l' || s[0] == 'd':
		var list []any
		for rest = s[1:]; rest != "" && rest[0] != 'e'; list = append(list, v) {
			if v, rest, err = bdecode(rest); err != nil {
				return nil, "", err
			}
		}
		if rest == "" || (s[0] == 'd' && len(list)%2 != 0) {
			return nil, "", errBencode
		}
		if s[0] == 'l' {
			return list, rest[1:], nil
		}
		dict := map[string]any{}
		for kv := range slices.Chunk(list, 2) {
			dict[fmt.Sprint(kv[0])] = kv[1]
		}
		return dict, rest[1:], nil
	}
	length, rest, ok := strings.Cut(s, ":")
	n, err := strconv.Atoi(length)
	if err != nil || !ok || n < 0 || n > len(rest) {
		return nil, "", errBencode
	}
	return rest[:n], rest[n:], nil
}

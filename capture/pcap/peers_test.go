package pcap

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tool is the path of a program of the Debian packages tshark and wireshark-common.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed (Debian packages tshark, wireshark-common)", name)
	}
	return path
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	b, err := exec.CommandContext(t.Context(), tool(t, name), args...).Output()
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return string(b)
}

// What editcap makes of a capture in each format reads as tshark reads it.
func TestAgainstWireshark(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("abcdefgh", 400)
	frames := [][]byte{ether(0x0800, plain4("first")), ether(0x86dd, plain6("second"), 0x88a8, 0x8100), ether(0x0806, make([]byte, 28))}
	for _, p := range parts(false, 9, 1480, long) {
		frames = append(frames, ether(0x0800, p))
	}
	frames = append(frames, ether(0x0800, plain4("last"), 0x8100))
	in := filepath.Join(dir, "in.pcap")
	b := fileHeader(be, magicNano, 1)
	for i, f := range frames {
		b = cat(b, record(be, when.Add(time.Duration(i)*20_001_003), time.Nanosecond, f, 0))
	}
	if err := os.WriteFile(in, b, 0o600); err != nil {
		t.Fatal(err)
	}
	micro := filepath.Join(dir, "pcap.cap")
	for _, c := range []struct {
		name string
		make []string
	}{
		{"pcap", []string{"editcap", "-F", "pcap", in, micro}},
		{"nsecpcap", []string{"editcap", "-F", "nsecpcap", in, filepath.Join(dir, "nsecpcap.cap")}},
		{"pcapng", []string{"editcap", "-F", "pcapng", in, filepath.Join(dir, "pcapng.cap")}},
		{"two interfaces", []string{"mergecap", "-a", "-F", "pcapng", in, micro, "-w", filepath.Join(dir, "two.cap")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			output(t, c.make[0], c.make[1:]...)
			path := c.make[len(c.make)-1]
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			g := readAll(b)
			if g.err != nil {
				t.Fatal(g.err)
			}
			var ours strings.Builder
			for _, d := range g.all {
				fmt.Fprintf(&ours, "%d.%09d %d %d %d\n", d.At.Unix(), d.At.Nanosecond(), d.Src.Port(), d.Dst.Port(), len(d.Data)+8)
			}
			theirs := output(t, "tshark", "-r", path, "-Y", "udp", "-o", "udp.check_checksum:FALSE", "-T", "fields", "-E", "separator= ",
				"-e", "frame.time_epoch", "-e", "udp.srcport", "-e", "udp.dstport", "-e", "udp.length")
			if ours.String() != theirs {
				t.Errorf("we read\n%stshark reads\n%s", ours.String(), theirs)
			}
		})
	}
}

// text2pcap writes the link types that it is told to.
func TestText2pcap(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "in.txt")
	var hex strings.Builder
	hex.WriteString("0000")
	for _, c := range plain4("hello") {
		fmt.Fprintf(&hex, " %02x", c)
	}
	if err := os.WriteFile(text, []byte(hex.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-l", "101"}, {"-l", "228"}, {"-e", "0x800"}, {"-l", "101", "-F", "pcap"}, {"-l", "101", "-F", "nsecpcap"}} {
		out := filepath.Join(dir, "out.cap")
		output(t, "text2pcap", append(args, "-q", text, out)...)
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		payloads(t, b, "hello")
	}
}

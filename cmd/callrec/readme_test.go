package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadme runs the commands of the README's five minutes, word for word, against
// the real binary. Only where things are differs: the ports are free ones, and the
// binary is made by the test before, because go build needs the source around it.
func TestReadme(t *testing.T) {
	for _, program := range []string{"bash", "curl", "ffmpeg"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("the README's commands want %s: apt-get install %s", program, program)
		}
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(readme), "\n## Five minutes\n")
	section, _, more := strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?s)```bash\n(.*?)```").FindAllStringSubmatch(section, -1)
	if !ok || !more || len(blocks) < 7 {
		t.Fatalf("%d blocks of commands", len(blocks))
	}
	var script strings.Builder
	script.WriteString("trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n")
	for _, b := range blocks {
		script.WriteString(b[1] + "echo\n")
	}

	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "callrec"), ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const go1 = "#!/bin/sh\n[ \"$*\" = 'build -o callrec ./cmd/callrec' ]\n"
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(go1), 0o755); err != nil {
		t.Fatal(err)
	}
	first, last, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	api := l.Addr().String()
	_ = l.Close()
	cmd := exec.CommandContext(t.Context(), "bash", "-eu", "-c", strings.ReplaceAll(script.String(), "127.0.0.1:8000", api))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "CALLREC_ADMIN_TOKEN=",
		"CALLREC_HTTP="+api, "CALLREC_OPS=", fmt.Sprintf("CALLREC_RTP_PORTS=%d-%d", first, last))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`"origin":"outbound to offnet from endpoint"`, "HTTP/1.1 200 OK", `"state":"ended"`} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("nothing of %s in\n%s", want, out)
		}
	}
	wav, err := os.ReadFile(filepath.Join(dir, "call.wav"))
	if seconds := float64(len(wav)-44) / 16000; err != nil || !bytes.HasPrefix(wav, []byte("RIFF")) || seconds < 2.5 {
		t.Errorf("the file has %.1f seconds, %v", seconds, err)
	}
}

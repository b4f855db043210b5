package resample_test

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkPeers is 8 to 16 kHz by other programs, to be read beside
// BenchmarkAppend/8000-16000-1ch of the same run. It counts the CPU time of a
// program less that of the same program copying the same file.
func BenchmarkPeers(b *testing.B) {
	const seconds = 3600
	in := filepath.Join(b.TempDir(), "in.raw")
	raw := make([]byte, 0, 2*8000*seconds)
	for _, v := range noise(1, 8000*seconds) {
		raw = binary.LittleEndian.AppendUint16(raw, uint16(v/4))
	}
	if err := os.WriteFile(in, raw, 0o600); err != nil {
		b.Fatal(err)
	}
	const (
		sox    = "sox -V1 -D -t raw -e signed -b 16 -c 1 -r 8000 IN -t raw /dev/null "
		ffmpeg = "ffmpeg -v error -f s16le -ar 8000 -ac 1 -i IN -f null -af "
	)
	for _, peer := range []struct{ name, resample, copy string }{
		{"soxr-HQ", ffmpeg + "aresample=16000:resampler=soxr:precision=20 -", ffmpeg + "anull -"},
		{"ffmpeg", ffmpeg + "aresample=16000 -", ffmpeg + "anull -"},
		{"sox-rate-h", sox + "rate -h 16000", sox},
	} {
		b.Run(peer.name, func(b *testing.B) {
			var used time.Duration
			for b.Loop() {
				used += cpuTime(b, peer.resample, in) - cpuTime(b, peer.copy, in)
			}
			b.ReportMetric(seconds*float64(b.N)/used.Seconds(), "x-realtime")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// cpuTime runs a command line, with in for IN, and returns the CPU time it took.
func cpuTime(b *testing.B, line, in string) time.Duration {
	args := strings.Fields(line)
	for i, arg := range args {
		if arg == "IN" {
			args[i] = in
		}
	}
	if _, err := exec.LookPath(args[0]); err != nil {
		b.Skipf("%s is not installed: apt-get install %[1]s", args[0])
	}
	cmd := exec.CommandContext(b.Context(), args[0], args[1:]...)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v: %s", line, err, out)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

package bench

import (
	"net/http"
	"os"
	"testing"
	"time"
)

// record_min_sec over HTTP and the wall clock: 2.5 s leave nothing, 3.5 s a file.
func TestMinimumOverHTTP(t *testing.T) {
	t.Parallel()
	w := startWorker(t, t.TempDir(), "--rtp-ports", "23000-23099")
	settings := func() map[string]any { return map[string]any{"format": "wav", "record_min_sec": 3} }
	short := w.announce("short", settings(), nil)
	kept := w.announce("kept", settings(), nil)
	time.Sleep(2500 * time.Millisecond)
	w.act("short", "hangup")
	time.Sleep(time.Second)
	w.act("kept", "hangup")
	name := w.stored(kept.Recordings[0].ID, 10*time.Second)
	st, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if seconds := float64(st.Size()) / 16000; seconds < 3.4 || seconds > 4.5 {
		t.Errorf("the file holds %.2f s, want about 3.5", seconds)
	}
	a := w.do(http.MethodGet, "/channels/short", nil)
	if got := a.Data.Recordings[0]; got.State != "discarded" || got.ID != short.Recordings[0].ID {
		t.Errorf("the short one is %+v", got)
	}
	w.terminate(20 * time.Second)
	if left, _ := os.ReadDir(w.data + "/spool"); len(left) > 1 { // the lock
		t.Errorf("the spool still holds %v", left)
	}
}

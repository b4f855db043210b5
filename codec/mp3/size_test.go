package mp3

import (
	"testing"
	"unsafe"
)

func TestEncoderIsSmall(t *testing.T) {
	const most = 40 << 10
	if n := unsafe.Sizeof(Encoder{}); n > most {
		t.Errorf("an encoder takes %d bytes, more than %d", n, most)
	} else {
		t.Logf("an encoder takes %d bytes", n)
	}
}

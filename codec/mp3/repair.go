package mp3

import "errors"

// Repair makes the file of an encoder whole that never came to Finish: a
// recording cut short. It gives the bytes to write over the start of the file,
// with an Info tag that counts what is there, and the length to cut the file to,
// behind its last whole frame. A file that needs no repair comes out as it is.
func Repair(b []byte) (head []byte, size int, err error) {
	var x index
	s := Walk(b, func(f Frame) { x.emitted(b[f.Offset : f.Offset+f.Size()]) })
	first, ok := ParseHeader(b[min(s.Tag, len(b)):])
	if s.Tag > len(b) || !ok || s.Audio != s.Tag+first.Size() {
		return nil, 0, errForeign
	}
	head = append(head, b[:s.Tag]...)
	if s.Frames == 0 {
		s.Header = first
	} else if s.Faults == 0 && !s.Open {
		return append(head, b[s.Tag:s.Audio]...), s.End, nil
	}
	samples := max(0, x.frames*int64(s.Header.Samples())-decodeDelay)
	vbr := string(b[s.Tag+headerLen+first.sideLen():][:4]) == "Xing"
	if head = appendInfo(head, &s.Header, vbr, &x, samples); len(head) != s.Audio {
		return nil, 0, errForeign // it would lie over what follows
	}
	return head, s.End, nil
}

var errForeign = errors.New("mp3: cannot repair: the file has no Info frame of this package's; play it as it is")

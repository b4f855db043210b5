package spool

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"
)

const (
	journalFile    = "calls"
	journalVersion = 1

	journalBuffer = 256 << 10 // written at once, at most
	journalOwed   = 4 << 20   // kept in memory while the disk takes nothing
	journalSlack  = 1 << 20   // what is out of date, before the file is written anew
)

// journal is the file of memos: a line for each thing that was saved, the newest of
// an id being the one that counts, and one that only names its id for each that was
// removed. Calls come and go far more often than the disk makes and removes files,
// so they share one, and it is written anew when most of it is out of date. It is
// the writer's alone, and never synced.
type journal struct {
	s    *Spool
	f    *os.File        // nil until the first line
	size int64           // of what is good
	live map[string]span // where the memos are
	used int64           // bytes of these

	lines []*entryLine // to be written
	buf   []byte       // as bytes
	told  bool         // that the disk takes nothing
	again int64        // bytes out of date from which on it is written anew
}

type span struct {
	at int64
	n  int
}

// entryLine is a line: a memo, or without a call the end of one.
type entryLine struct {
	id   string
	call json.RawMessage
	n    int
	done chan struct{} // closed once it is in the file
}

// journalLine is what stands in a line, behind its checksum.
type journalLine struct {
	Version int             `json:"version,omitempty"` // of the first line, which has no more
	ID      string          `json:"id,omitempty"`
	Call    json.RawMessage `json:"call,omitempty"`
}

// appendLine adds a line: the CRC-32C of the JSON, in hexadecimal, a space, the JSON.
func appendLine(b []byte, l journalLine) ([]byte, error) {
	text, err := json.Marshal(l)
	if err != nil {
		return b, err
	}
	return fmt.Appendf(b, "%08x %s\n", crc32.Checksum(text, castagnoli), text), nil
}

// parseLine is the inverse, of a line without its end. Every error is an ErrManifest.
func parseLine(b []byte) (l journalLine, err error) {
	sum, text, ok := bytes.Cut(b, []byte{' '})
	var want [4]byte
	if n, err := hex.Decode(want[:], sum[:min(len(sum), 8)]); !ok || err != nil || n != 4 || len(sum) != 8 {
		return l, fmt.Errorf("%w: a line has no checksum", ErrManifest)
	}
	if crc := crc32.Checksum(text, castagnoli); crc != uint32(want[0])<<24|uint32(want[1])<<16|uint32(want[2])<<8|uint32(want[3]) {
		return l, fmt.Errorf("%w: a line's checksum is %s, should be %08x", ErrManifest, sum, crc)
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return l, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if l.Version == 0 && !validID(l.ID) {
		return l, fmt.Errorf("%w: a line is of %.64q", ErrManifest, l.ID)
	}
	return l, nil
}

// add takes a line; flush writes it.
func (j *journal) add(l *entryLine) {
	_, known := j.live[l.id]
	if l.call == nil && !known && !slices.ContainsFunc(j.lines, func(o *entryLine) bool { return o.id == l.id }) {
		close(l.done) // nothing was ever saved
		return
	}
	before := len(j.buf)
	buf, err := appendLine(j.buf, journalLine{ID: l.id, Call: l.call})
	if err != nil {
		j.s.log.Warn("cannot keep what a restart should know of a call", "call", l.id, "err", err)
		return
	}
	j.buf, l.n = buf, len(buf)-before
	j.lines = append(j.lines, l)
	if len(j.buf) >= journalBuffer && !j.told {
		j.flush()
	}
}

// flush writes what was added. What the disk does not take is tried again with what
// comes next, unless that becomes too much.
func (j *journal) flush() {
	if len(j.lines) == 0 {
		return
	}
	if err := j.write(); err != nil {
		if !j.told {
			j.s.log.Warn("cannot keep what a restart should know of calls, until the disk takes it", "err", err)
		}
		if j.told = true; len(j.buf) > journalOwed {
			j.lines, j.buf = nil, nil
		}
		return
	}
	j.told = false
	for _, l := range j.lines {
		j.used -= int64(j.live[l.id].n)
		if delete(j.live, l.id); l.call != nil {
			j.live[l.id] = span{j.size, l.n}
			j.used += int64(l.n)
		}
		j.size += int64(l.n)
		close(l.done)
	}
	clear(j.lines)
	j.lines, j.buf = j.lines[:0], j.buf[:0]
	if old := j.size - j.used; old > max(journalSlack, 3*j.used, j.again) {
		j.again = 0
		if err := j.anew(); err != nil {
			j.again = 2 * old
			j.s.log.Warn("cannot write the file of live calls anew", "bytes_out_of_date", old, "err", err)
		}
	}
}

// write puts the buffer behind what is good.
func (j *journal) write() error {
	if j.f == nil {
		if err := j.begin(nil, map[string]span{}); err != nil {
			return err
		}
	}
	err := j.s.disk.writeAt(j.f, j.buf, j.size)
	if err != nil {
		_ = j.s.disk.truncate(j.f, j.size) // or the next line covers it; what is left is torn
	}
	return err
}

// begin makes a file of some lines, in the place of the one there is. live says where
// memos are in these; it is right when begin has not failed.
func (j *journal) begin(lines []byte, live map[string]span) (err error) {
	b, err := appendLine(nil, journalLine{Version: journalVersion})
	if err != nil {
		return err
	}
	head := int64(len(b))
	b = append(b, lines...)
	const tmp = journalFile + tmpSuffix
	d := &j.s.disk
	if err := d.remove(tmp); err != nil {
		return err
	}
	f, err := d.create(tmp)
	if err != nil {
		return err
	}
	if err = d.writeAt(f, b, 0); err == nil {
		err = d.rename(tmp, journalFile)
	}
	if err != nil {
		_ = f.Close()
		return err
	}
	j.release()
	j.f, j.size, j.used, j.live = f, int64(len(b)), 0, live
	for id, s := range live {
		live[id] = span{s.at + head, s.n}
		j.used += int64(s.n)
	}
	return nil
}

// anew leaves out what is out of date.
func (j *journal) anew() error {
	lines, live := make([]byte, 0, j.used), make(map[string]span, len(j.live))
	for id, s := range j.live {
		at := len(lines)
		lines = lines[:at+s.n]
		if _, err := j.f.ReadAt(lines[at:], s.at); err != nil {
			return err
		}
		live[id] = span{int64(at), s.n}
	}
	return j.begin(lines, live)
}

func (j *journal) release() {
	if j.f != nil {
		_ = j.f.Close() // it is never synced either
		j.f = nil
	}
}

// close ends the writing. Without a live call there is no file.
func (j *journal) close() {
	if j.f != nil && len(j.live) == 0 && len(j.lines) == 0 {
		if err := j.s.disk.remove(journalFile); err != nil {
			j.s.log.Warn("cannot remove the file of live calls, of which there are none", "file", j.s.disk.path(journalFile), "err", err)
		}
	}
	j.release()
}

// recoverJournal reads the memos that an earlier process has left, and goes on with
// its file. A torn end is what a kill leaves. A file in which anything else makes no
// sense is put in quarantine, and another one begun with what makes sense.
func (s *Spool) recoverJournal() {
	_ = s.disk.remove(journalFile + tmpSuffix) // or the next one takes its place
	f, err := s.disk.open(journalFile)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var old leftJournal
	if err == nil {
		old, err = readJournal(f)
	}
	for _, l := range old.lines {
		s.memos = append(s.memos, LeftMemo{s.Memo(l.ID), l.Call, old.touched})
	}
	if err == nil {
		s.journal.goOn(f, &old)
		return
	}
	if f != nil {
		_ = f.Close() // only read
	}
	s.quarantine(err.Error(), journalFile)
	var lines []byte
	live := map[string]span{}
	for _, l := range old.lines {
		at := len(lines)
		if lines, err = appendLine(lines, l); err != nil {
			continue // of what has just been read
		}
		live[l.ID] = span{int64(at), len(lines) - at}
	}
	if len(live) == 0 {
		return
	}
	if err = s.journal.begin(lines, live); err == nil {
		err = s.disk.touch(journalFile, old.touched) // nobody has lived since
	}
	if err != nil {
		s.log.Warn("cannot keep what a restart should know of calls, until they are told anew", "err", err)
	}
}

// goOn takes over the file of an earlier process.
func (j *journal) goOn(f *os.File, old *leftJournal) {
	j.f, j.size = f, old.size
	for i, l := range old.lines {
		j.live[l.ID] = old.spans[i]
		j.used += int64(old.spans[i].n)
	}
	if old.torn {
		_ = j.s.disk.truncate(f, old.size) // or the next line covers it
	}
}

// leftJournal is what a journal says.
type leftJournal struct {
	lines   []journalLine // the memos, in the order in which they were first saved
	spans   []span        // where these are
	size    int64         // up to the last line's end
	torn    bool          // something comes behind
	touched time.Time     // when it was last written to
}

// readJournal reads one. With an error that is an ErrManifest, it is of what makes
// sense.
func readJournal(f *os.File) (old leftJournal, err error) {
	st, err := f.Stat()
	if err != nil {
		return old, err
	}
	if !st.Mode().IsRegular() {
		return old, fmt.Errorf("%w: it is no file", ErrManifest)
	}
	old.touched = st.ModTime()
	in := bufio.NewScanner(io.NewSectionReader(f, 0, st.Size()))
	in.Buffer(nil, maxManifest)
	where := map[string]int{}
	var bad error
	for first := true; in.Scan(); first = false {
		n := len(in.Bytes()) + 1
		if old.size+int64(n) > st.Size() {
			old.torn = true
			break
		}
		l, wrong := parseLine(in.Bytes())
		if first && wrong == nil && l.Version != journalVersion {
			return old, fmt.Errorf("%w: it has version %d, this worker reads %d", ErrManifest, l.Version, journalVersion)
		}
		at := span{old.size, n}
		old.size += int64(n)
		if wrong != nil || l.Version != 0 {
			bad = cmp.Or(bad, wrong)
			continue
		}
		i, known := where[l.ID]
		if !known {
			i = len(old.lines)
			where[l.ID] = i
			old.lines, old.spans = append(old.lines, l), append(old.spans, at)
		}
		if old.lines[i], old.spans[i] = l, at; l.Call == nil {
			delete(where, l.ID)
		}
	}
	switch err := in.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		bad = cmp.Or(bad, fmt.Errorf("%w: a line is longer than %d bytes", ErrManifest, maxManifest))
	case err != nil:
		bad = err
	case old.size == 0:
		bad = cmp.Or(bad, fmt.Errorf("%w: it has no first line", ErrManifest))
	}
	kept := old
	kept.lines, kept.spans = nil, nil
	for i, l := range old.lines {
		if l.Call != nil {
			kept.lines, kept.spans = append(kept.lines, l), append(kept.spans, old.spans[i])
		}
	}
	return kept, bad
}

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// screen is where the demo writes, and what can be done there.
type screen struct {
	w      io.Writer
	live   bool // a terminal, on which a line can be redrawn
	colour bool
	utf8   bool
	width  int
	open   bool  // the line that is redrawn has not ended
	err    error // the first write that failed
}

// newScreen asks the terminal and the environment. What is no terminal gets
// plain lines of the width a terminal usually has.
func newScreen(f *os.File) *screen {
	s := &screen{w: f, width: 80, utf8: localeIsUTF8(os.Getenv)}
	fd := int(f.Fd())
	if term.IsTerminal(fd) && os.Getenv("TERM") != "dumb" {
		s.live = true
		s.colour = os.Getenv("NO_COLOR") == "" // https://no-color.org
		if w, _, err := term.GetSize(fd); err == nil && w > 0 {
			s.width = min(max(w, 40), 120)
		}
	}
	return s
}

// localeIsUTF8 looks at the variables that decide it, in the order of POSIX.
func localeIsUTF8(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// Styles, as SGR parameters.
const (
	bold  = "1"
	faint = "2"
	green = "32"
)

func (s *screen) styled(style, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

func (s *screen) print(text string) {
	if _, err := io.WriteString(s.w, text); err != nil && s.err == nil {
		s.err = fmt.Errorf("cannot write the result: %w", err)
	}
}

func (s *screen) line(format string, args ...any) {
	s.endLine()
	s.print(fmt.Sprintf(format, args...) + "\n")
}

// endLine leaves the line that is redrawn as it is.
func (s *screen) endLine() {
	if s.open {
		s.print("\n")
	}
	s.open = false
}

// title begins a part.
func (s *screen) title(text string) { s.line("%s", s.styled(bold, text)) }

// step is one line of the story.
func (s *screen) step(name, format string, args ...any) {
	s.line("  %s  %s", s.styled(faint, fmt.Sprintf("%-9s", name)), fmt.Sprintf(format, args...))
}

// plainEvery is how often progress gets a line where none can be redrawn.
const plainEvery = 100 // packets: 2 s

// talking returns the function that shows how far the call is: one line, drawn
// over itself on a terminal.
func (s *screen) talking(speech [2][]byte) func(packets int) {
	total := len(speech[0]) / packetOctets
	shown := 0
	return func(packets int) {
		state := fmt.Sprintf("%4.1f of %.1f s, %4d packets, %s", (time.Duration(packets) * packetEvery).Seconds(),
			(time.Duration(total) * packetEvery).Seconds(), 2*packets, speakers(speech, packets))
		if !s.live {
			if packets-shown >= plainEvery || (packets == total && shown < total) {
				s.step("talking", "%s", state)
				shown = packets
			}
			return
		}
		full, empty := "█", "░"
		if !s.utf8 {
			full, empty = "#", "."
		}
		room := max(s.width-len("  talking      ")-len("10.0 of 10.0 s, 1000 packets, caller speaks  "), 5)
		n := room * packets / total
		bar := strings.Repeat(full, n) + s.styled(faint, strings.Repeat(empty, room-n))
		// To the first column, and erase what is there (ECMA-48 EL).
		s.print("\r\x1b[K  " + s.styled(faint, fmt.Sprintf("%-9s", "talking")) + "  " + bar + "  " + state)
		s.open = true
	}
}

// speakers says who is speaking at the newest packet.
func speakers(speech [2][]byte, packets int) string {
	var speaks [2]bool
	for i := range speech {
		end := min(packets*packetOctets, len(speech[i]))
		speaks[i] = measure(decoded(speech[i][max(0, end-10*packetOctets):end])).speaks > 0
	}
	switch speaks {
	case [2]bool{true, true}:
		return "both speak"
	case [2]bool{true, false}:
		return parties[0] + " speaks"
	case [2]bool{false, true}:
		return parties[1] + " speaks"
	}
	return "nobody speaks"
}

// wrapped prints text in lines that fit, broken before one of the marks where
// that can be done.
func (s *screen) wrapped(indent, text, marks string) {
	room := s.width - len(indent) - 1
	for first := true; text != ""; first = false {
		n := len(text)
		if n > room {
			n = room
			if i := strings.LastIndexAny(text[1:room], marks); i > room/4 {
				n = i + 1
			}
			for n > 1 && !utf8.RuneStart(text[n]) {
				n--
			}
		}
		s.line("%s%s", indent, text[:n])
		text = text[n:]
		if first {
			indent += "  "
			room -= 2
		}
	}
}

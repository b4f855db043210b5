package main

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"callrec/control"
)

// parkedTable writes parked recordings as a table, one line each.
type parkedTable struct {
	out *tabwriter.Writer
	n   int
}

func newParkedTable(w io.Writer) *parkedTable {
	return &parkedTable{out: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
}

func (t *parkedTable) add(p control.Parked) error {
	if t.n == 0 {
		if _, err := fmt.Fprintln(t.out, "ID\tACCOUNT\tCALL\tAGE\tSIZE\tTRIES\tCLASS\tDESTINATION\tREASON"); err != nil {
			return err
		}
	}
	t.n++
	_, err := fmt.Fprintf(t.out, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", printable(p.ID), printable(p.AccountID), printable(p.CallID),
		aged(time.Duration(p.Age)*time.Second), sized(p.Size), p.Tries, printable(p.Class), printable(cmp.Or(p.URL, "(storage)")), printable(p.Reason))
	return err
}

func (t *parkedTable) flush() error {
	if t.n > 0 {
		if _, err := fmt.Fprintln(t.out); err != nil {
			return err
		}
	}
	return t.out.Flush()
}

// spoolSummary is what is under the table.
func spoolSummary(w io.Writer, u control.SpoolUsage, running bool) error {
	line := fmt.Sprintf("%d parked (%s), %d waiting (%s), %d being recorded",
		u.Parked.Recordings, sized(u.Parked.Bytes), u.Waiting.Recordings, sized(u.Waiting.Bytes), u.Part.Recordings)
	if u.Quarantined.Files > 0 {
		line += fmt.Sprintf(", %s in quarantine (%s)", counted(u.Quarantined.Files, "file"), sized(u.Quarantined.Bytes))
	}
	if !running {
		line += "; no worker runs here"
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// counted is a number and what there are so many of.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}

// aged is a time for people: the two largest units.
func aged(d time.Duration) string {
	switch d = max(d, 0); {
	case d >= 24*time.Hour:
		return fmt.Sprintf("%dd %dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm %ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// sized is a number of bytes for people.
func sized(n int64) string {
	units := []string{"kB", "MB", "GB", "TB"}
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v := float64(n)
	unit := ""
	for _, unit = range units {
		if v /= 1000; v < 999.95 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}

package spool

import (
	"slices"
	"testing"
)

// What is here can be told again at any time: the receipts, and what waits, in pieces.
func TestToldAgain(t *testing.T) {
	post := &postbox{}
	s, in := openTest(t, t.TempDir(), func(c *Config) { c.OnSent = post.add })
	for n := range 6 {
		p := create(t, s, n)
		write(t, p, audio(100))
		p.Commit(header(100), manifest(n))
	}
	create(t, s, 6) // goes on
	flush(t, s)
	for _, r := range in.all() {
		switch r.ID() {
		case id(1), id(2):
			if err := r.Done(); err != nil {
				t.Fatal(err)
			}
		case id(4):
			if err := r.Park(Delivery{}, "no such receiver"); err != nil {
				t.Fatal(err)
			}
		}
	}
	ids := func(list []Manifest) (out []string) {
		for _, m := range list {
			out = append(out, m.ID)
		}
		return out
	}
	first := ids(s.Waiting("", 2))
	rest := ids(s.Waiting(first[1], 2))
	if !slices.Equal(first, []string{id(0), id(3)}) || !slices.Equal(rest, []string{id(5)}) {
		t.Errorf("waiting are %q and %q", first, rest)
	}
	if got := ids(s.Parked("", 9)); !slices.Equal(got, []string{id(4)}) {
		t.Errorf("parked are %q", got)
	}
	for round := range 2 {
		told := len(post.all())
		if err := s.TellSent(); err != nil {
			t.Fatal(err)
		}
		again := post.all()[told:]
		if len(again) != 2-round || again[len(again)-1].Manifest().ID != id(2) {
			t.Fatalf("round %d: told again are %+v", round, again)
		}
		if err := again[0].Drop(); err != nil {
			t.Fatal(err)
		}
	}
}

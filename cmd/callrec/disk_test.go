package main

import (
	"strings"
	"testing"

	"callrec/upload/spool"
)

// As the disk fills, new calls are refused first, then further recordings; each
// refusal says how much there is, how much is needed, and which flag says so.
func TestSpace(t *testing.T) {
	sp, err := spool.Open(spool.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sp.Close(t.Context()) }()
	s := &space{dir: "/data", forCalls: 256 << 20, forBegin: 64 << 20, fixed: 1 << 20, spool: sp}
	for _, c := range []struct {
		free         int64
		calls, begin []string // words of the refusal; nil for none
	}{
		{256 << 20, nil, nil},
		{256<<20 - 1, []string{"255 MB", "256", "/data", "--min-free)"}, nil},
		{64 << 20, []string{"64 MB"}, nil},
		{64<<20 - 1, []string{"63 MB"}, []string{"63 MB", "64", "--min-free-recordings"}},
		{-1, []string{"cannot tell"}, []string{"cannot tell"}},
	} {
		s.saw(c.free, 0)
		wantRefusal(t, s.whole(), c.calls)
		wantRefusal(t, s.admit("acc"), c.calls)
		wantRefusal(t, s.begin("acc"), c.begin)
	}
	s.saw(1<<40, 0)
	p, err := sp.Create(spool.Manifest{ID: "202611-00000000000000000000000000000001", Ext: "wav", Account: "full", CallID: "c"}, make([]byte, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Abandon()
	if err := sp.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, s.admit("full"), []string{"1 MB", "quota is 1", "--spool-quota"})
	wantRefusal(t, s.admit("other"), nil)
	wantRefusal(t, s.begin("full"), nil)
	wantRefusal(t, s.whole(), nil)
}

// Without a quota of its own an account may fill half of what recordings can have:
// what is free above the mark for new calls, and what the spool holds already. What
// others keep on the disk counts for nothing.
func TestQuotaWithoutAFlag(t *testing.T) {
	sp, err := spool.Open(spool.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sp.Close(t.Context()) }()
	p, err := sp.Create(spool.Manifest{ID: "202611-00000000000000000000000000000001", Ext: "wav", Account: "full", CallID: "c"}, make([]byte, 10<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Abandon()
	if err := sp.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := &space{dir: "/data", forCalls: 64 << 20, spool: sp}
	for _, c := range []struct {
		free, held int64 // MB
		refused    []string
	}{
		{75, 10, nil}, // half of 75+10-64 is more than the account's 10
		{74, 10, []string{"10 MB", "quota is 10"}}, // and now no more
		{74, 30, nil}, // the others' recordings are room that comes back
		{64, 10, []string{"10 MB", "quota is 5"}},
	} {
		s.saw(c.free<<20, c.held<<20)
		wantRefusal(t, s.admit("full"), c.refused)
		wantRefusal(t, s.admit("other"), nil)
		if got, want := s.quota.Load(), (c.free+c.held-64)<<20/2; got != want {
			t.Errorf("%d MB free, %d held: a quota of %d, want %d", c.free, c.held, got, want)
		}
	}
	s.saw(64<<20, 0) // nothing held is within any quota, were it 0
	wantRefusal(t, s.admit("other"), nil)
	if got := s.quota.Load(); got != 0 {
		t.Errorf("nothing to share, and a quota of %d", got)
	}
}

// The disk is looked at before there is a call, not only afterwards.
func TestQuotaFromTheStart(t *testing.T) {
	sp, err := spool.Open(spool.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sp.Close(t.Context()) }()
	cfg := workerConfig{data: t.TempDir(), minFree: 1}
	free, err := diskSpace(cfg.data)
	if err != nil {
		t.Fatal(err)
	}
	s, err := watchSpace(&cfg, sp, func() int { return 0 })
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if got := s.quota.Load(); got < free/4 || got > free/4*3 { // others write to this disk meanwhile
		t.Errorf("a quota of %d MB, of %d free", got>>20, free>>20)
	}
}

func wantRefusal(t *testing.T, err error, words []string) {
	t.Helper()
	if (err != nil) != (words != nil) {
		t.Errorf("got %v, want %q", err, words)
	}
	for _, w := range words {
		if err != nil && !strings.Contains(err.Error(), w) {
			t.Errorf("nothing of %q in %v", w, err)
		}
	}
}

// Limits of the machine are told at the start, with what to do about them.
func TestCheckRoom(t *testing.T) {
	for _, c := range []struct {
		room         room
		free         int64
		fails, warns []string
	}{
		{room{ports: 2500, files: 4900}, 1 << 40, nil, nil},
		{room{2500, 4900, 2500, 512 << 20}, 1 << 40, nil, nil},
		{room{files: 4900}, 1 << 40, []string{"--rtp-ports"}, nil},
		{room{ports: 2500}, 1 << 40, []string{"ulimit -n", "LimitNOFILE="}, nil},
		{room{ports: 2500, files: 164}, 1 << 40, nil, []string{"2500", "164", "12700", "ulimit -n"}},
		{room{2500, 4900, 0, 16 << 20}, 1 << 40, []string{"16 MB", "--max-memory"}, nil},
		{room{2500, 4900, 2499, 512 << 20}, 1 << 40, nil, []string{"2500", "2499", "512 MB", "--max-memory"}},
		{room{ports: 2500, files: 4900}, 10 << 20, nil, []string{"10 MB", "256", "--min-free"}},
	} {
		var warned []string
		err := c.room.check(c.free, 256<<20, func(s string) { warned = append(warned, s) })
		wantRefusal(t, err, c.fails)
		if (len(warned) > 0) != (c.warns != nil) {
			t.Errorf("%+v: warned %q", c, warned)
		}
		for _, w := range c.warns {
			if !strings.Contains(strings.Join(warned, ""), w) {
				t.Errorf("nothing of %q in %q", w, warned)
			}
		}
	}
}

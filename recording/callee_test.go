package recording_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"callrec/capture/capturetest"
	"callrec/recording"
)

// rings makes an update that names a callee, with one recording for it.
func (w *world) rings(p recording.Party) recording.CallInfo {
	w.t.Helper()
	r := request(w.t, `{"record_on_answer":true,"should_follow_transfer":false}`)
	r.Leg, r.Owner, r.Called = recording.Callee, p.UserID, p
	cmd := recording.Command{Action: recording.Update, Start: []recording.Request{r}}
	cmd.Change.Parties[recording.Callee] = p
	return w.do("c", cmd)
}

// states are those of a call's recordings, with whom they are of.
func states(info recording.CallInfo) string {
	var out []string
	for _, r := range info.Recordings {
		out = append(out, strings.TrimSpace(fmt.Sprint(r.Owner, " ", r.State, " ", r.Reason)))
	}
	return strings.Join(out, ", ")
}

// Several endpoints ring, one answers: what is told of the same endpoint again
// makes no second recording, and only the one of who answers begins.
func TestCalleesThatRing(t *testing.T) {
	bob, desk, carol := recording.Party{UserID: "bob"}, recording.Party{UserID: "bob", DeviceID: "desk"}, recording.Party{UserID: "carol"}
	for by, answer := range map[string]recording.Command{"answer": {Action: recording.Answer, Leg: recording.Callee}, "bridge": {Action: recording.Bridge}} {
		inWorld(t, func(w *world) {
			w.announce("c", `{}`)
			w.rings(bob)
			w.rings(carol)
			w.sleep(second)
			if got := states(w.rings(desk)); got != "recording, bob armed, carol armed" {
				t.Errorf("%s", got)
			}
			w.do("c", recording.Command{Action: recording.Answer}) // the caller's
			w.sleep(second)
			if got := states(w.do("c", answer)); got != "recording, bob recording, carol cancelled another answered" {
				t.Errorf("%s: %s", by, got)
			}
			w.sleep(second)
			// Carol joins: she is recorded from here, and what runs goes on.
			if got := states(w.rings(carol)); got != "recording, bob recording, carol cancelled another answered, carol recording" {
				t.Errorf("%s", got)
			}
			w.rings(carol)
			w.rings(desk)
			w.sleep(second)
			info := w.do("c", recording.Command{Action: recording.Hangup})
			if len(info.Recordings) != 4 {
				t.Errorf("%s", states(info))
			}
			for i, seconds := range map[int]int{0: 4, 1: 2, 3: 1} {
				f := w.file(info.Recordings[i].ID)
				if n := len(f.wav(t, rate, 1)); n != seconds*rate {
					t.Errorf("recording %d has %d samples, want %d s", i, n, seconds)
				}
			}
		})
	}
}

// Two devices of one user are two endpoints, and a user without a device is both.
func TestParties(t *testing.T) {
	p := func(user, device string) recording.Party { return recording.Party{UserID: user, DeviceID: device} }
	for _, c := range []struct {
		a, b recording.Party
		same bool
	}{
		{p("u", ""), p("u", ""), true},
		{p("u", ""), p("v", ""), false},
		{p("u", ""), p("u", "d"), true},
		{p("", "d"), p("u", "d"), true},
		{p("u", "d"), p("u", "e"), false},
		{p("u", "d"), p("v", "d"), false},
		{p("u", ""), p("", "d"), false},
		{p("", ""), p("", ""), false},
		{p("", ""), p("u", "d"), false},
	} {
		if c.a.Same(c.b) != c.same || c.b.Same(c.a) != c.same {
			t.Errorf("%v and %v: the same is %v", c.a, c.b, !c.same)
		}
	}
}

// A callee that a transfer has sent away and an update brings back is recorded anew.
func TestCalleeComesBack(t *testing.T) {
	bob := recording.Party{UserID: "bob"}
	inWorld(t, func(w *world) {
		w.announce("c")
		w.rings(bob)
		w.do("c", recording.Command{Action: recording.Answer, Leg: recording.Callee})
		w.sleep(second)
		w.do("c", recording.Command{Action: recording.Transfer, Leg: recording.Callee, Party: recording.Party{UserID: "carol"}})
		w.sleep(second)
		if got := states(w.rings(bob)); got != "bob finishing transfer, bob recording" {
			t.Errorf("%s", got)
		}
		w.do("c", recording.Command{Action: recording.Hangup})
	})
}

// When no ports are left for what a new callee wants, nothing of the update is done.
func TestUpdateWithoutPorts(t *testing.T) {
	inWorld(t, func(w *world) {
		w.announce("c")
		before, _ := w.m.Info(recording.CallID{Account: "acc", Call: "c"})
		r := request(t, `{}`)
		cmd := recording.Command{Action: recording.Update, At: time.Now(), Start: []recording.Request{r}, Change: recording.Change{Facts: recording.Facts{To: "x"}}}
		if _, err := w.m.Do(w.t.Context(), before.Spec.ID, cmd); err == nil {
			t.Error("it was done")
		}
		if after, _ := w.m.Info(before.Spec.ID); after.Spec.To != "" || len(after.Recordings) != 0 {
			t.Errorf("%+v", after)
		}
	}, func(c *recording.Config) { c.Sets[0].(*capturetest.Fake).Limit = 1 })
}

// What is told of the parties goes with recordings that begin after it, and the
// others keep what was known when they began, across a restart, too.
func TestFactsOfRecordings(t *testing.T) {
	inWorldOn(t, keepParts, func(w *world) {
		late := request(t, `{"record_on_answer":true}`)
		late.Leg, late.Called = recording.Callee, recording.Party{UserID: "bob"}
		spec := recording.CallSpec{
			ID: recording.CallID{Account: "acc", Call: "c"}, At: time.Now(), From: "1", To: "2", CallerIDName: "Ann", FromNetwork: "onnet",
			Start: []recording.Request{request(t, `{}`), late},
		}
		first, _, err := w.m.Announce(w.t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		w.sleep(second)
		info := w.do("c", recording.Command{Action: recording.Update, Change: recording.Change{
			Facts: recording.Facts{To: "3", CallerIDNumber: "4", FromNetwork: "offnet"}, OtherLegCallID: "leg b", Parties: [2]recording.Party{{UserID: "ann"}},
		}})
		if s := info.Spec; s.From != "1" || s.To != "3" || s.CallerIDName != "Ann" || s.FromNetwork != "offnet" || s.OtherLegCallID != "leg b" || s.Parties[0].UserID != "ann" {
			t.Errorf("the call is %+v", s)
		}
		w.do("c", recording.Command{Action: recording.Answer, Leg: recording.Callee})
		w.sleep(2 * second)
		w.kill(2 * second)
		w.resume(20000, 1)
		w.do("c", recording.Command{Action: recording.Start, Start: []recording.Request{request(t, `{}`)}})
		w.sleep(second)
		info = w.do("c", recording.Command{Action: recording.Hangup})
		for id, want := range map[string]string{
			first.Recordings[0].ID: "1 2 Ann  c c ", first.Recordings[1].ID: "1 3 Ann 4 leg b leg b ", info.Recordings[2].ID: "1 3 Ann 4 c c ann",
		} {
			f := w.file(id)
			e, err := recording.Recall(&f.manifest)
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprint(field(f, "from"), " ", field(f, "to"), " ", field(f, "caller_id_name"), " ", field(f, "caller_id_number"), " ",
				field(f, "call_id"), " ", f.manifest.CallID, " ", field(f, "owner_id"))
			if got != want || e.Spec.To != field(f, "to") || e.Spec.CallerIDNumber != field(f, "caller_id_number") {
				t.Errorf("%s, recalled as to %q; want %s", got, e.Spec.To, want)
			}
			if id == first.Recordings[1].ID && f.manifest.Destination.Name != "call_recording_leg%20b.wav" {
				t.Errorf("it is called %s", f.manifest.Destination.Name)
			}
		}
	})
}

// Who announces an answered call and says whom it reached means that both have
// answered; a new callee, by update or transfer, is recorded at once. Without a callee
// it is the caller's answer: who is called later has still to pick up.
func TestAnnouncedAsAnswered(t *testing.T) {
	bob, carol := recording.Party{UserID: "bob"}, recording.Party{UserID: "carol"}
	wants := func(p recording.Party) recording.Request {
		r := request(t, `{"record_on_answer":true}`)
		r.Leg, r.Called, r.Owner = recording.Callee, p, p.UserID
		return r
	}
	for name, c := range map[string]struct {
		callee, forwarder recording.Party
		next              recording.Command
		want              string
	}{
		"update":   {bob, recording.Party{}, recording.Command{Action: recording.Update, Change: recording.Change{Parties: [2]recording.Party{{}, carol}}}, "bob recording, carol recording"},
		"transfer": {bob, recording.Party{}, recording.Command{Action: recording.Transfer, Leg: recording.Callee, Party: carol}, "bob recording, carol recording"},
		"forward":  {recording.Party{}, bob, recording.Command{Action: recording.Transfer, Leg: recording.Callee, Party: carol}, "bob recording, carol recording"},
		"nobody":   {recording.Party{}, recording.Party{}, recording.Command{Action: recording.Update, Change: recording.Change{Parties: [2]recording.Party{{}, carol}}}, "carol armed"},
	} {
		inWorld(t, func(w *world) {
			spec := recording.CallSpec{
				ID: recording.CallID{Account: "acc", Call: "c"}, At: time.Now(), Answered: true,
				Parties: [2]recording.Party{{UserID: "ann"}, c.callee}, ForwardedBy: c.forwarder,
			}
			if name != "nobody" {
				spec.Decided = []recording.Request{wants(bob)}
			}
			if _, _, err := w.m.Announce(w.t.Context(), spec); err != nil {
				t.Fatal(err)
			}
			w.sleep(second)
			c.next.Start = []recording.Request{wants(carol)}
			if got := states(w.do("c", c.next)); got != c.want {
				t.Errorf("%s: %s, want %s", name, got, c.want)
			}
		})
	}
}

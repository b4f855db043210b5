package recording

import (
	"testing"

	"callrec/upload/spool"
)

// first is what a manifest said of its call before there were memos.
const first = `{"call":{"id":{"account":"a","call_id":"c"},"at":"2026-11-26T01:00:00Z","legs":[{"leg":0,"source":""},{"leg":1,"source":""}]},` +
	`"settings":{"format":"wav"},"limit":3600,"start":0,"stop":28800000,"edges":[{"pos":5,"on":true}],"legs":[{"Leg":0,"Ports":{"Addr":"127.0.0.1","RTP":20000,"RTCP":20001}}]}`

// Manifests of workers that wrote no memos are still read.
func TestManifestsFromBeforeMemos(t *testing.T) {
	m := spool.Manifest{Account: "a", CallID: "c", Ext: "wav", Rate: 8000, Channels: 1, Call: []byte(first)}
	r, err := readRevived(&m)
	if err == nil {
		err = r.goesOn(&m)
	}
	if err != nil || r.meta.Call.ID.Call != "c" || r.meta.Stop != 28800000 || len(r.meta.Edges) != 1 || r.meta.Legs[0].Ports.RTP != 20000 {
		t.Errorf("%+v, %v", r.meta, err)
	}
}

// Whatever a manifest or a memo says of its call, reading it ends well, and what it
// lets pass can be made a call and encoders again.
func FuzzRevived(f *testing.F) {
	f.Add([]byte(first))
	f.Add([]byte(`{"call":{"id":{"account":"a","call_id":"c"},"at":"2026-11-26T01:00:00Z","legs":[{"leg":1,"source":""}]},"position":5,"made":1,` +
		`"armed":[{"id":"202611-0123456789abcdef0123456789abcdef","call_id":"c","settings":{"format":"mp3"},"kbps":32,"limit":60,"asked":3,` +
		`"caller_only":true,"then":[{"path":"x","start":{"spec":{"settings":{"format":"wav"},"time_limit":9}}}]}]}`))
	f.Add([]byte(`{"call":{"legs":[{"leg":7}]},"leg":9,"stop":-1,"kbps":31,"limit":0}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := spool.Manifest{Account: "a", CallID: "c", Ext: "wav", Rate: 8000, Channels: 1, Call: b}
		if k, err := readMemo(b); err == nil {
			for _, a := range k.Armed {
				sp, err := specAgain(&a.keptTrack)
				if err != nil {
					continue
				}
				if _, err := newEncoder(&sp); err != nil || a.CallerOnly && sp.channels != 1 || a.Leg > Callee {
					t.Errorf("%+v, %v", a, err)
				}
			}
		}
		r, err := readRevived(&m)
		if err == nil {
			err = r.goesOn(&m)
		}
		if err != nil {
			return
		}
		if _, err := newEncoder(&r.spec); err != nil {
			t.Error(err)
		}
		if r.meta.Call.Legs[0].Leg > Callee || r.meta.Stop <= r.meta.Start {
			t.Errorf("%+v", r.meta)
		}
	})
}

package recording

import (
	"testing"

	"callrec/upload/spool"
)

// Whatever a manifest says of its call, reading it ends well, and what it lets
// pass can be made a call and an encoder again.
func FuzzRevived(f *testing.F) {
	f.Add([]byte(`{"call":{"id":{"account":"a","call_id":"c"},"at":"2026-11-26T01:00:00Z","legs":[{"leg":0,"source":""},{"leg":1,"source":""}]},` +
		`"settings":{"format":"wav"},"limit":3600,"start":0,"stop":28800000,"edges":[{"pos":5,"on":true}],"legs":[{"Leg":0,"Ports":{"Addr":"127.0.0.1","RTP":20000,"RTCP":20001}}]}`))
	f.Add([]byte(`{"call":{"legs":[{"leg":7}]},"leg":9,"stop":-1,"kbps":31,"limit":0}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := spool.Manifest{Account: "a", CallID: "c", Ext: "wav", Rate: 8000, Channels: 1, Call: b}
		r, err := readRevived(&m)
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

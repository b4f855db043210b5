package httpput_test

import (
	"net/url"
	"strings"
	"testing"

	"callrec/upload"
	"callrec/upload/httpput"
	"callrec/upload/spool"
)

var name = spool.ObjectName("abc123@10.0.0.1", "", "mp3")

var meta = []upload.Field{
	{Key: "from", Value: "1001@acme.example"},
	{Key: "to", Value: "+15551234567@acme.example"},
	{Key: "caller_id_name", Value: "Ann Lee"},
	{Key: "caller_id_number", Value: "1001"},
	{Key: "call_id", Value: "abc123@10.0.0.1"},
	{Key: "cdr_id", Value: "202411-abc123@10.0.0.1"},
	{Key: "interaction_id", Value: "63899999999-1a2b3c4d"},
	{Key: "owner_id", Value: ""},
	{Key: "account_id", Value: "ACC"},
	{Key: "start", Value: "63899999900"},
	{Key: "duration_ms", Value: "12345"},
	{Key: "recording_id", Value: "202411-abc"},
}

const (
	wantName = "call_recording_abc123%4010.0.0.1.mp3"
	wantMeta = "from=1001%40acme.example&to=%2B15551234567%40acme.example&caller_id_name=Ann%20Lee&caller_id_number=1001" +
		"&call_id=abc123%4010.0.0.1&cdr_id=202411-abc123%4010.0.0.1&interaction_id=63899999999-1a2b3c4d&owner_id=&account_id=ACC" +
		"&start=63899999900&duration_ms=12345&recording_id=202411-abc"
)

var finalURLs = []struct{ give, want string }{
	{"http://h.example/rec", "http://h.example/rec/" + wantName + "?" + wantMeta},
	{"http://h.example/rec/", "http://h.example/rec/" + wantName + "?" + wantMeta},
	{"http://h.example/rec///", "http://h.example/rec/" + wantName + "?" + wantMeta},
	{"http://h.example", "http://h.example/" + wantName + "?" + wantMeta},
	{"http://h.example/i.php?key=1&recording=", "http://h.example/i.php?key=1&recording=" + wantName + "&" + wantMeta},
	{"http://h.example/i.php?recording", "http://h.example/i.php?recording=" + wantName + "&" + wantMeta},
	{"http://h.example/i.php?key=1", "http://h.example/i.php?key=1&recording=" + wantName + "&" + wantMeta},
	{"http://h.example/i.php?key=1&file", "http://h.example/i.php?key=1&file=" + wantName + "&" + wantMeta},
	{"http://h.example/i.php?key=a=b", "http://h.example/i.php?key=a=b&recording=" + wantName + "&" + wantMeta},
	{"http://h.example/i.php?recording=/", "http://h.example/i.php?recording=" + wantName + "&" + wantMeta},
	{"http://h.example/i.php?key=1&", "http://h.example/i.php?key=1&recording=" + wantName + "&" + wantMeta},
	{"http://h.example/rec?", "http://h.example/rec/" + wantName + "?" + wantMeta},
	{"http://h.example/rec/?", "http://h.example/rec/" + wantName + "?" + wantMeta},
	{"http://h.example/rec#top", "http://h.example/rec/" + wantName + "?" + wantMeta},
	{"http://h.example/rec/#a/b?c=d", "http://h.example/rec/" + wantName + "?" + wantMeta},
	{"http://h.example/i?key=1#x=", "http://h.example/i?key=1&recording=" + wantName + "&" + wantMeta},
	{"https://u:p@h.example:8443/rec", "https://u:p@h.example:8443/rec/" + wantName + "?" + wantMeta},
	{"http://h.example/ä b/%41", "http://h.example/%C3%A4%20b/%41/" + wantName + "?" + wantMeta},
	{"http://[2001:db8::1]/r", "http://[2001:db8::1]/r/" + wantName + "?" + wantMeta},
}

func TestFinalURL(t *testing.T) {
	for _, c := range finalURLs {
		got, err := httpput.FinalURL(upload.Destination{URL: c.give, Name: name}, meta)
		if err != nil || got != c.want {
			t.Errorf("%s\n got %s (%v)\nwant %s", c.give, got, err, c.want)
		}
	}
}

func TestFinalURLPlain(t *testing.T) {
	d := upload.Destination{Plain: true, Name: spool.CallerName("abc 1@h/ü", "", "wav")}
	for give, want := range map[string]string{
		"http://h/rec":  "http://h/rec/abc%201%40h%2F%C3%BC.wav",
		"http://h/rec/": "http://h/rec/abc%201%40h%2F%C3%BC.wav",
		"http://h/r?k=": "http://h/r/abc%201%40h%2F%C3%BC.wav?k=",
	} {
		d.URL = give
		if got, err := httpput.FinalURL(d, meta); err != nil || got != want {
			t.Errorf("%s: got %s (%v), want %s", give, got, err, want)
		}
	}
}

func TestSecondRecordingOfACall(t *testing.T) {
	d := upload.Destination{URL: "http://h/i?f", Name: spool.ObjectName("a", "202611-00", "wav")}
	if got, err := httpput.FinalURL(d, nil); err != nil || got != "http://h/i?f=call_recording_a_202611-00.wav" {
		t.Errorf("got %s (%v)", got, err)
	}
}

func TestEscape(t *testing.T) {
	for give, want := range map[string]string{
		`;:@&=+,/?#[]<>"{}|\'^% `: "%3B%3A%40%26%3D%2B%2C%2F%3F%23%5B%5D%3C%3E%22%7B%7D%7C%5C%27%5E%25%20",
		"-._~!*()azAZ09$`":        "-._~!*()azAZ09$`",
		"Zoë ☎":                   "Zo%C3%AB%20%E2%98%8E",
		"\x00\r\n\x7f\xff":        "%00%0D%0A%7F%FF",
	} {
		if got := upload.Escape(give); got != want {
			t.Errorf("%q: got %s, want %s", give, got, want)
		}
	}
}

func TestBadURLsShowNothing(t *testing.T) {
	for _, raw := range []string{
		"", "rec", "ftp://u:secret@h/", "HTTP://secret@h/", "http:///secret", "http://u:secret@h:port/", "http://u:se cret@h\x7f/",
		"http://u:secret@[::1/", "http:secret", "http://h:secret", "http://u:secret%zz@h/", "//u:secret@h",
	} {
		_, err := httpput.FinalURL(upload.Destination{URL: raw, Name: name}, meta)
		if err == nil {
			t.Errorf("%q is taken", raw)
		} else if strings.Contains(err.Error(), "secret") && raw != "http:///secret" && raw != "http://h:secret" {
			t.Errorf("%q: error shows it: %v", raw, err)
		}
	}
}

func FuzzFinalURL(f *testing.F) {
	for _, c := range finalURLs {
		f.Add(c.give, "abc123@10.0.0.1", "Ann Lee", false)
		f.Add(c.give, "ü\n`$", "\x00&=", true)
	}
	f.Fuzz(func(t *testing.T, raw, callID, value string, plain bool) {
		d := upload.Destination{URL: raw, Name: spool.ObjectName(callID, "", "wav"), Plain: plain}
		got, err := httpput.FinalURL(d, []upload.Field{{Key: "from", Value: value}, {Key: "call_id", Value: callID}})
		if err != nil {
			return
		}
		u, err := url.Parse(got)
		if err != nil {
			t.Fatalf("%q gives %q: %v", raw, got, err)
		}
		if strings.ContainsAny(got[strings.Index(got, "://")+3+len(u.Host):], " \r\n\x00#") && u.User == nil {
			t.Errorf("%q gives %q, which no request line can hold", raw, got)
		}
		if !strings.Contains(got, "call_recording_"+upload.Escape(callID)+".wav") {
			t.Errorf("%q gives %q, without the name", raw, got)
		}
		if u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			t.Errorf("%q gives %q, which leads nowhere", raw, got)
		}
	})
}

package main

import "testing"

// Urls that lead to one place are one place.
func TestPlacesOfURLs(t *testing.T) {
	for raw, want := range map[string]string{
		"http://h.example/rec":               "h.example/rec",
		"HTTPS://user:secret@H.example/rec/": "h.example/rec",
		"http://h.example:8080/Rec#x":        "h.example:8080/Rec",
		"http://h.example/i.php?key=1&r=":    "h.example/i.php?key=1&r=",
		"http://h.example":                   "h.example",
		"s3://bucket/prefix":                 "",
		"file:///var/rec":                    "",
		"/var/lib/callrec/recordings":        "",
		"recordings":                         "",
	} {
		if got := placeOf(raw); got != want {
			t.Errorf("%s is %q, want %q", raw, got, want)
		}
	}
}

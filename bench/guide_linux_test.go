package bench

import "testing"

// TestGuide shows that what Kazoo's guide to call recording promises is true of the real
// worker, by its API, real RTP and the files that come of it: one worker, and
// calls of all kinds at once. Each file beside it is one part of the guide.
func TestGuide(t *testing.T) {
	t.Parallel()
	h := openHouse(t, "21000-22999")
	tests := map[string]func(t *testing.T){}
	for name, f := range map[string]func(t *testing.T, h house){
		"matrix":        guideMatrix,
		"precedence":    guidePrecedence,
		"curl":          guideCurl,
		"settings":      guideSettings,
		"record_call":   guideRecordCall,
		"record_caller": guideRecordCaller,
		"stop":          guideStop,
		"mask":          guideMask,
	} {
		tests[name] = func(t *testing.T) { f(t, h) }
	}
	together(t, tests)
}

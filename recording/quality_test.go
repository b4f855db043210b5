package recording

import (
	"encoding/json"
	"math"
	"testing"
)

// What is nothing is written as 0, in records too.
func TestRecordsShowNoMinusZero(t *testing.T) {
	for x, want := range map[float64]string{math.Copysign(0, -1): "0", -0.04: "0", -0.06: "-0.1", 2.66: "2.7"} {
		if got, err := json.Marshal(rounded(x, 10)); err != nil || string(got) != want {
			t.Errorf("%v is %s, want %s (%v)", x, got, want, err)
		}
	}
}

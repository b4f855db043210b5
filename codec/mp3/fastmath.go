package mp3

import "math"

// Every product that is then added to is converted explicitly: Go may otherwise
// fuse the two on some machines (arm64, GOAMD64=v3), and the same recording must
// give the same file everywhere. The assembly uses no FMA for the same reason.

// log2f is log2(x) for normal x > 0, to 5e-5.
func log2f(x float32) float32 {
	b := math.Float32bits(x)
	t := math.Float32frombits(b&0x7fffff|0x3f800000) - 1
	e := float32(int32(b>>23) - 127)
	p := float32(t*0.05866494) - 0.22510303
	p = float32(p*t) + 0.44059903
	p = float32(p*t) - 0.71671466
	p = float32(p*t) + 1.4426039
	return float32(p*t) + e
}

// exp2f is 2^x for -126 <= x <= 126, to 4e-6; what lies outside is clamped.
func exp2f(x float32) float32 {
	if x < -126 {
		x = -126
	} else if x > 126 {
		x = 126
	}
	i := int32(x)
	t := x - float32(i)
	if t < 0 {
		i, t = i-1, t+1
	}
	p := float32(t*0.01367031) + 0.051744998
	p = float32(p*t) + 0.24160436
	p = float32(p*t) + 0.69297292
	p = float32(p*t) + 1.0000035
	return p * math.Float32frombits(uint32(i+127)<<23)
}

// sqrtf is the correctly rounded square root.
func sqrtf(x float32) float32 { return float32(math.Sqrt(float64(x))) }

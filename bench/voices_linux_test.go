package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
)

// Noise shows a wrong sample of a WAV file, but a perceptual coder spends its bits
// as an ear hears, and noise is what it codes worst and masks best. So the legs of
// an MP3 file talk: vowels of a voice with pitch and formants, consonants that
// hiss, and pauses, in turns.

const (
	turn    = 1 << 15 // samples from one turn of a leg to its next: 4.1 s
	talking = 19000   // of them it talks; the other leg begins at half, so both do for a third of a second
)

// voices is what all legs say in files that are compared by ear, once for each
// law: like noise, a power of two long, each leg beginning elsewhere.
var voices = sync.OnceValue(func() (v [2][]byte) {
	const size = 1 << 20
	r := rand.New(rand.NewPCG(711, 16000))
	pcm := make([]float64, 0, size)
	for len(pcm) < size {
		said := utter(r, talking)
		pcm = append(pcm, said...)
		pcm = append(pcm, make([]float64, turn-len(said))...)
	}
	for k, law := range []*[256]int32{&ulaw, &alaw} {
		code := encoderOf(law)
		v[k] = make([]byte, size, size+perPacket)
		for i, x := range pcm {
			v[k][i] = code[int(x+2*r.NormFloat64())+1<<15] // the hum of a room
		}
		v[k] = append(v[k], v[k][:perPacket]...)
	}
	return v
})

// voiceOf is the speech of leg i of all legs, if they talk. When a caller pauses,
// its callee talks.
func voiceOf(leg int) speech {
	s := speech{from: leg / 2 * 2 * 7919, alaw: leg/2%2 == 1}
	if leg%2 == 1 {
		s.from += 7*turn + turn/2 + calleeWaits*perPacket
	}
	s.said = voices()[0]
	if s.alaw {
		s.said = voices()[1]
	}
	return s
}

// encoderOf turns a law's decoding over: for every 16-bit sample, less the least
// of them, the octet whose value is nearest.
func encoderOf(law *[256]int32) []byte {
	octets := make([]byte, 256)
	for i := range octets {
		octets[i] = byte(i)
	}
	slices.SortFunc(octets, func(a, b byte) int { return int(law[a] - law[b]) })
	code := make([]byte, 1<<16)
	at := 0
	for i := range code {
		for at < 255 && 2*int32(i-1<<15) > law[octets[at]]+law[octets[at+1]] {
			at++
		}
		code[i] = octets[at]
	}
	return code
}

// utter is n samples of one voice that says random syllables, at -22 dB of full
// scale, give or take 3; two such voices together rarely clip.
func utter(r *rand.Rand, n int) []float64 {
	pitch := 95 + 130*r.Float64()
	vowels := [][4]float64{
		{730, 1090, 2440, 3300},
		{270, 2290, 3010, 3500},
		{300, 870, 2240, 3300},
		{530, 1840, 2480, 3400},
		{570, 840, 2410, 3200},
		{660, 1720, 2410, 3400},
		{440, 1020, 2240, 3300},
	}
	widths := [4]float64{60, 90, 130, 200}
	var formants [4]resonator
	var hiss resonator
	out := make([]float64, 0, n)
	from := vowels[r.IntN(len(vowels))]
	phase, tilt := 0.0, 0.0
	for len(out) < n {
		to := vowels[r.IntN(len(vowels))]
		consonant, vowel := 200+r.IntN(500), 900+r.IntN(1500)
		loud := 0.5 + r.Float64()
		hiss.tune(1500+1800*r.Float64(), 500)
		rise := 0.85 + 0.3*r.Float64()
		for i := range min(consonant+vowel, n-len(out)) {
			done := float64(i) / float64(consonant+vowel)
			if i%40 == 0 {
				for k := range formants {
					formants[k].tune(from[k]+(to[k]-from[k])*min(1, 2*done), widths[k])
				}
			}
			source := 0.0
			phase += pitch * (1 + (rise-1)*done) / 8000
			if phase >= 1 {
				phase--
				// The closing of the vocal cords; louder and softer with the syllable.
				source = loud * math.Sin(math.Pi*min(1, max(0, float64(i-consonant/2)/float64(vowel))))
			}
			tilt = 0.9*tilt + source
			x := tilt + 0.002*source*r.NormFloat64()
			for k := range formants {
				x = formants[k].next(x)
			}
			if i < consonant {
				x += hiss.next(0.01 * r.NormFloat64() * math.Sin(math.Pi*float64(i)/float64(consonant)))
			}
			out = append(out, x)
		}
		from = to
	}
	power := 0.0
	for _, x := range out {
		power += x * x
	}
	gain := 32768 * math.Pow(10, (-25+6*r.Float64())/20) / math.Sqrt(power/float64(n))
	for i, x := range out {
		out[i] = 15000 * math.Tanh(gain*x/15000)
	}
	return out
}

// resonator is one formant: a pair of poles with a gain of 1 at 0 Hz.
type resonator struct{ a, b, c, y1, y2 float64 }

func (f *resonator) tune(hertz, width float64) {
	f.c = -math.Exp(-2 * math.Pi * width / 8000)
	f.b = 2 * math.Exp(-math.Pi*width/8000) * math.Cos(2*math.Pi*hertz/8000)
	f.a = 1 - f.b - f.c
}

func (f *resonator) next(x float64) float64 {
	y := f.a*x + f.b*f.y1 + f.c*f.y2
	f.y1, f.y2 = y, f.y1
	return y
}

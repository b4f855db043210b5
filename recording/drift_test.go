package recording

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/pion/rtp"

	"callrec/capture/clock"
	"callrec/capture/jitter"
	"callrec/codec/g711"
	"callrec/codec/resample"
)

// party is a sender with a clock of its own, behind a network, and the leg that
// hears it. A party sends what its signal says, which is a function of true time.
type party struct {
	ppm    float64
	delay  func(r *rand.Rand, sent time.Duration) time.Duration
	signal func(at float64) float64 // of seconds, full scale 1

	slip    bool // after three and a half minutes, 30 ms pass that its clock does not count
	reports bool // it reports its clocks, every five seconds

	r      *rand.Rand
	voice  voice
	packet int
	early  time.Duration // the least delay of the first second
	queue  []arrival
}

type arrival struct {
	at     time.Duration
	packet int
	octets [160]byte
}

// uniform is a network that delays by up to most; one packet in fifty meets less
// than a millisecond.
func uniform(most time.Duration) func(*rand.Rand, time.Duration) time.Duration {
	return func(r *rand.Rand, _ time.Duration) time.Duration {
		if r.IntN(50) == 0 {
			return time.Duration(r.Int64N(int64(time.Millisecond)))
		}
		return time.Duration(r.Int64N(int64(most)))
	}
}

func newParty(pool *jitter.Pool, seed uint64, ppm float64) *party {
	p := &party{early: time.Hour, ppm: ppm, r: rand.New(rand.NewPCG(seed, 9)), delay: uniform(100 * time.Millisecond)}
	p.voice.buffer = jitter.New(pool, 0)
	return p
}

// arrive gives the leg every packet that comes before an instant, in the order in
// which they come.
func (p *party) arrive(now time.Duration) {
	for {
		first := float64(p.packet*160) / (clock.Rate * (1 + p.ppm/1e6)) // true time of its first sample, in seconds
		if p.slip && p.packet >= 10500 {
			first += 0.03
		}
		sent := time.Duration(first * 1e9)
		if sent > now {
			break
		}
		if p.reports && p.packet%250 == 100 {
			ntp := uint64((first + 3.9e9) * (1 << 32))
			p.voice.buffer.Report(5, ntp, uint32(p.packet*160))
		}
		a := arrival{at: sent + p.delay(p.r, sent), packet: p.packet}
		if p.packet < 50 {
			p.early = min(p.early, a.at-sent)
		}
		var pcm [160]int16
		for i := range pcm {
			pcm[i] = int16(math.Round(32767 * p.signal(first+float64(i)/(clock.Rate*(1+p.ppm/1e6)))))
		}
		copy(a.octets[:], g711.Encode(g711.MuLaw, a.octets[:0], pcm[:]))
		p.queue = append(p.queue, a)
		p.packet++
	}
	for {
		next := -1
		for i := range p.queue {
			if p.queue[i].at <= now && (next < 0 || p.queue[i].at < p.queue[next].at) {
				next = i
			}
		}
		if next < 0 {
			return
		}
		a := p.queue[next]
		p.queue[next] = p.queue[len(p.queue)-1]
		p.queue = p.queue[:len(p.queue)-1]
		h := rtp.Header{SSRC: 5, SequenceNumber: uint16(a.packet), Timestamp: uint32(a.packet * 160)}
		p.voice.buffer.Push(&h, a.octets[:], g711.MuLaw, a.at)
	}
}

// listen lets the parties talk for a time, and gives each stretch of their legs, as
// the shard would hear it, to heard.
func listen(length time.Duration, heard func(leg int, pos int64, pcm []int16), parties ...*party) {
	e := newEar(resample.NewWarp())
	const hold = time.Second
	var pos int64
	for now := roundEvery; pos < clock.Samples(length); now += roundEvery {
		upTo := clock.Samples(now-hold) - ahead
		for i, p := range parties {
			p.arrive(now)
			for at := pos; at < upTo; at += stretch {
				n := min(upTo-at, stretch)
				heard(i, at, p.voice.hear(at, n, &e))
			}
		}
		pos = max(pos, upTo)
	}
}

// clicks is silence with a click in the middle of each minute, beside a tone if
// loud is set: then there is no silence to jump in.
func clicks(loud bool) func(float64) float64 {
	return func(at float64) float64 {
		x := 0.0
		if loud {
			x = 0.05 * math.Sin(2*math.Pi*440*at)
		}
		if k := (math.Mod(at+30, 60) - 30) * clock.Rate; k > -64 && k < 64 {
			x += 0.9 * math.Exp(-k*k/18) // smooth enough for any filter here
		}
		return x
	}
}

// peakOf is the position, in samples, of the greatest sample.
func peakOf(pcm []int16) int {
	best := 0
	for i, x := range pcm {
		if x > pcm[best] {
			best = i
		}
	}
	return best
}

// Two clocks that are wrong in any way, behind a network that jitters: at every
// minute of hours, what was said at one instant is heard at one.
func TestLegsStayInStep(t *testing.T) {
	length := 4*time.Minute + 10*time.Second
	if os.Getenv("CALLREC_LONG") != "" {
		length = 2 * time.Hour
	}
	for _, c := range [][2]float64{{0, 0}, {20, 0}, {0, -20}, {100, -100}, {-300, 0}, {300, -300}, {300, 300}} {
		for _, loud := range []bool{false, true} {
			t.Run(fmt.Sprintf("%+v %+v loud %v", c[0], c[1], loud), func(t *testing.T) {
				t.Parallel()
				pool := jitter.NewPool(time.Second)
				a, b := newParty(pool, 1, c[0]), newParty(pool, 2, c[1])
				a.signal, b.signal = clicks(loud), clicks(loud)
				var at [2][]int
				total := [2]int64{}
				window := [2][]int16{}
				after2 := [2]float64{}
				listen(length, func(leg int, pos int64, pcm []int16) {
					total[leg] += int64(len(pcm))
					for i, x := range pcm {
						k := (pos + int64(i) + 30*clock.Rate) % (60 * clock.Rate)
						if k < 29*clock.Rate || k >= 31*clock.Rate || pos < 30*clock.Rate {
							continue
						}
						window[leg] = append(window[leg], x)
						if k == 31*clock.Rate-1 {
							at[leg] = append(at[leg], peakOf(window[leg])-clock.Rate)
							window[leg] = window[leg][:0]
						}
					}
					if pos <= 121*clock.Rate {
						after2[leg], _ = [2]*party{a, b}[leg].voice.buffer.DriftPPM()
					}
				}, a, b)
				if total[0] != total[1] || total[0] < clock.Samples(length) {
					t.Fatalf("%d and %d samples of %d", total[0], total[1], clock.Samples(length))
				}
				worst := 0
				for i := range at[0] {
					off := at[0][i] - at[1][i]
					if max(off, -off) > worst {
						worst = max(off, -off)
					}
					if off > 40 || off < -40 || max(at[0][i], -at[0][i], at[1][i], -at[1][i]) > 40 {
						t.Errorf("minute %d: clicks %d and %d samples from where they were", i+1, at[0][i], at[1][i])
					}
				}
				t.Logf("%d minutes, at most %.2f ms apart; estimates after 2 minutes %.2f and %.2f ppm", len(at[0]), float64(worst)/8, after2[0], after2[1])
				for i := range c {
					if math.Abs(after2[i]-c[i]) > 5 {
						t.Errorf("leg %d: %.2f ppm after 2 minutes, want %v", i, after2[i], c[i])
					}
					// Where the first second had no packet that came at once, the leg's
					// place is put right once; after that nothing is touched either.
					p := [2]*party{a, b}[i]
					shift := float64(p.voice.course.Shift()) / clock.One
					if c[i] == 0 && p.early < 2*time.Millisecond && shift != 0 || c[i] == 0 && p.voice.course.Step() != clock.One {
						t.Errorf("leg %d has no drift and is bent by %.3f samples, its first second came %v late", i, shift, p.early)
					}
				}
			})
		}
	}
}

// A sender so fast that its timestamps are ahead of ours by more than Early goes on as
// the stream it is: what is early for us is not for its own timeline.
func TestFastSenderStaysOneStream(t *testing.T) {
	p := newParty(jitter.NewPool(time.Second), 1, 950)
	p.signal = func(float64) float64 { return 0.1 }
	quiet := int64(0)
	listen(6*time.Minute, func(_ int, pos int64, pcm []int16) {
		for _, x := range pcm {
			if x == 0 && pos > 0 {
				quiet++
			}
		}
	}, p)
	s := p.voice.buffer.Stats()
	if ahead := p.voice.course.Whole(); ahead < clock.Samples(jitter.Early)+clock.Rate/20 {
		t.Errorf("%d samples ahead after six minutes: too few to tell", ahead)
	}
	if s.Restarts != 0 || s.Late != 0 || s.Foreign != 0 || quiet != 0 {
		t.Errorf("%+v, %d samples of silence; want none of that", s, quiet)
	}
}

package recording

import (
	"math"
	"time"

	"github.com/pion/rtp"

	"callrec/capture"
	"callrec/capture/clock"
	"callrec/capture/jitter"
	"callrec/capture/report"
	"callrec/codec/g711"
	"callrec/codec/tones"
)

// leg is one direction of a call as a shard receives it. It exists from the
// first recording of the call until the call has hung up.
type leg struct {
	spec     LegSpec
	tag      capture.Tag
	ports    capture.Ports
	source   source
	payloads [128]Payload
	buffer   *jitter.Buffer
	voice    voice
	heard    time.Duration // last RTP that can be recorded, or RTCP, on the worker's clock
	seen     time.Duration // last RTP of any payload type, or RTCP
	received report.Source
	reporter reporter
	digits   digits
	counts   legCounts
}

// legCounts are what the jitter buffer does not see.
type legCounts struct {
	foreign  uint64 // from somebody who may not speak
	ignored  uint64 // not RTP, truncated, or of a payload type that is not ours
	events   uint64 // telephone-event packets: kept out of the audio
	noise    uint64 // comfort noise packets: silence
	reports  uint64 // RTCP sender reports
	byes     uint64
	badRTCP  uint64
	rtp      uint64
	received uint64 // datagrams of any kind
}

// payloadTable is the leg's payload types; without SDP, the static ones of RFC
// 3551 that matter here, and 101, which next to everybody gives to telephone-events.
func payloadTable(given map[uint8]Payload) (t [128]Payload) {
	if given == nil {
		t[0], t[8], t[13], t[19], t[101] = PayloadPCMU, PayloadPCMA, PayloadNoise, PayloadNoise, PayloadEvents
		return t
	}
	for pt, p := range given {
		if pt < 128 {
			t[pt] = p
		}
	}
	return t
}

// gate is what receiving needs besides the leg: the shard's scratch and rules.
type gate struct {
	packet rtp.Packet
	rules  *Config
}

// receive takes one datagram that came to the leg's ports. It keeps nothing of
// it, and whatever it holds, it costs a bounded time and no memory.
func (l *leg) receive(d *capture.Datagram, g *gate) {
	l.counts.received++
	if d.RTCP || report.Muxed(d.Data) {
		l.receiveRTCP(d, g.rules)
		return
	}
	admitted := l.source.admits(d.From, d.At, g.rules.Allow, g.rules.SourceTimeout)
	if !admitted && !l.source.leaving(d.From, d.At) {
		l.counts.foreign++
		return
	}
	if d.Truncated || len(d.Data) < 12 || d.Data[0]>>6 != 2 || g.packet.Unmarshal(d.Data) != nil {
		l.counts.ignored++
		return
	}
	p := &g.packet
	if !admitted && p.SSRC != l.source.gone.ssrc {
		l.counts.foreign++
		return
	}
	l.seen = max(l.seen, d.At)
	timed := true
	payload := l.payloads[p.PayloadType&127]
	if payload == PayloadEvents && !tones.IsEvents(p.Payload) {
		payload = PayloadNone // a codec, where there is no SDP
	}
	switch payload {
	case PayloadPCMU:
		l.buffer.Push(&p.Header, p.Payload, g711.MuLaw, d.At)
	case PayloadPCMA:
		l.buffer.Push(&p.Header, p.Payload, g711.ALaw, d.At)
	case PayloadEvents:
		l.counts.events++
		l.receiveDigit(p, d.At)
		timed = false // all packets of a digit have the timestamp of its beginning
	case PayloadNoise:
		l.counts.noise++
		l.buffer.Note(&p.Header, d.At)
	case PayloadNone:
		if d.From == l.source.latched {
			l.received.Add(p.SSRC, p.SequenceNumber, p.Timestamp, false, d.At) // its number is not lost, and its sender is told so
		}
		l.counts.ignored++
		l.buffer.Note(&p.Header, d.At) // its number was not lost, and no voice belongs in its place
		return
	}
	l.counts.rtp++
	l.heard = max(l.heard, d.At)
	if admitted {
		if l.source.latch(d.From, p.SSRC, d.At) {
			l.reporter.follow(d.From)
		}
		l.received.Add(p.SSRC, p.SequenceNumber, p.Timestamp, timed, d.At)
	}
}

// inMS turns samples into milliseconds, to the microsecond.
func inMS(samples float64) float64 { return rounded(samples*1000/clock.Rate, 1000) }

// rounded is x to a part in so many. It is never -0, which records would show.
func rounded(x, parts float64) float64 { return math.Round(x*parts)/parts + 0 }

// quality is the leg's part of the record.
func (l *leg) quality() LegQuality {
	if l == nil || l.buffer == nil {
		return LegQuality{NoMedia: true}
	}
	s := l.buffer.Stats()
	return LegQuality{
		Packets: s.Packets, Lost: s.Lost, Late: s.Late + s.Overrun, Duplicate: s.Duplicate,
		Reordered: s.Reordered, Foreign: s.Foreign + l.counts.foreign, Ignored: l.counts.ignored,
		Digits: l.digits.count, SSRCChanges: s.Restarts, JitterMS: rounded(float64(s.Jitter)/float64(time.Millisecond), 1000),
		DriftPPM: rounded(s.DriftPPM, 10), CorrectedMS: inMS(float64(l.voice.course.Shift()) / clock.One),
		ConcealedMS: inMS(float64(l.voice.concealed)), NoMedia: s.Packets == 0,
	}
}

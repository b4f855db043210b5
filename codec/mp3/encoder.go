package mp3

import (
	"callrec/codec"
)

var _ codec.Encoder = (*Encoder)(nil)

// Encoder makes one MP3 stream. It belongs to one goroutine; New makes it.
type Encoder struct {
	cfg  Config
	head Header // of the next frame
	psy  *psyTables

	ch      [2]channel
	filled  int   // samples of each channel in the granule being gathered
	seen    int   // granules analysed
	samples int64 // samples of each channel so far
	ended   bool

	rate  rateControl
	coder coder
	side  [2][2]granule // of the frame being made: granule, channel
	done  int           // granules of it that are coded
	main  [1984]byte    // its main data
	bits  bitWriter     // into main

	frames frames
	index  index
}

// channel is the signal path of one channel: a granule waits here until the one
// after it has been seen, and is coded then.
type channel struct {
	pcm  [history + granuleLen]int16
	sub  [3 * slots][32]float32 // of the granules before, at and after the one to be coded
	top  [3]int                 // subbands that hold anything, in each of the three
	spec [granuleLen]float32    // of the granule to be coded, in the blocks that suit it
	mask masker
	now  analysis // of the granule to be coded
	next analysis // of the one after it

	block blockType // of the granule coded last
}

// New makes an encoder, or says everything that is wrong with the configuration.
func New(cfg Config) (*Encoder, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	e := &Encoder{cfg: cfg}
	v, i, _ := findRate(cfg.Rate)
	e.head = Header{Version: v, Rate: cfg.Rate, Channels: cfg.Channels, rateIndex: i, Mode: 3}
	if cfg.Channels == 2 {
		e.head.Mode = 1
	}
	e.psy = psyOf[v][i]
	for c := range e.ch {
		e.ch[c].mask.thirds = [8]float32{6: quietest, 7: quietest}
	}
	e.coder.lsf = v != MPEG1
	e.coder.long = sfbLongOf[v][i][:]
	e.coder.short = sfbShortOf[v][i][:]
	e.bits.buf = e.main[:]
	e.rate.start(&e.cfg, &e.head)
	return e, nil
}

// Append implements codec.Encoder.
func (e *Encoder) Append(dst []byte, pcm []int16) []byte {
	n := len(pcm) / e.cfg.Channels
	e.samples += int64(n)
	for n > 0 {
		k := min(n, granuleLen-e.filled)
		e.gather(pcm, k)
		pcm = pcm[k*e.cfg.Channels:]
		n -= k
		if e.filled == granuleLen {
			dst = e.granule(dst)
		}
	}
	return dst
}

// gather takes k samples of each channel.
func (e *Encoder) gather(pcm []int16, k int) {
	to := history + e.filled
	if e.cfg.Channels == 1 {
		copy(e.ch[0].pcm[to:], pcm[:k])
	} else {
		l, r := e.ch[0].pcm[to:to+k], e.ch[1].pcm[to:to+k]
		pcm = pcm[:2*k]
		for i := range l {
			l[i], r[i] = pcm[2*i], pcm[2*i+1]
		}
	}
	e.filled += k
}

// Finish implements codec.Encoder: it pushes the last samples through the delay
// of the filters, to a whole frame. Tags are in the header.
func (e *Encoder) Finish(dst []byte, _ codec.Tags) []byte {
	if e.ended {
		return dst
	}
	e.ended = true
	perFrame := int64(e.head.Samples())
	need := (e.samples + decodeDelay + perFrame - 1) / perFrame * int64(e.head.Version.granules())
	for e.index.granules < need {
		for c := range e.cfg.Channels {
			clear(e.ch[c].pcm[history+e.filled:])
		}
		e.filled = granuleLen
		dst = e.granule(dst)
	}
	e.frames.write(nil, e.frames.free())
	return e.emit(dst)
}

// emit hands over the frames that are full.
func (e *Encoder) emit(dst []byte) []byte {
	at := len(dst)
	dst = e.frames.take(dst)
	e.index.emitted(dst[at:])
	return dst
}

// granule analyses the granule gathered and codes the one before it.
func (e *Encoder) granule(dst []byte) []byte {
	e.filled = 0
	var spec [2][granuleLen]float32
	for c := range e.cfg.Channels {
		e.ch[c].analyse(e.psy, e.rate.logNoise, &spec[c])
	}
	e.seen++
	if e.seen > 1 {
		dst = e.encode(dst)
	}
	for c := range e.cfg.Channels {
		ch := &e.ch[c]
		copy(ch.sub[:], ch.sub[slots:])
		copy(ch.top[:], ch.top[1:])
		ch.spec, ch.now = spec[c], ch.next
	}
	return dst
}

// encode codes the granule that waited, and lays out the frame it completes.
func (e *Encoder) encode(dst []byte) []byte {
	h := &e.head
	if e.done == 0 {
		e.rate.frame(h, e.frames.free())
	}
	var now, next [2]bool // whether the blocks are short
	for c := range e.cfg.Channels {
		now[c], next[c] = e.ch[c].now.isShort, e.ch[c].next.isShort
	}
	if e.done > 0 && h.Extension != 0 { // middle and side are cut alike
		now[0], next[0] = now[0] || now[1], next[0] || next[1]
		now[1], next[1] = now[0], next[0]
	}
	for c := range e.cfg.Channels {
		e.ch[c].settle(e.psy, now[c], next[c])
	}
	if e.cfg.Channels == 2 {
		e.joint()
	}
	e.rate.granule(e)
	for c := range e.cfg.Channels {
		ch, g := &e.ch[c], &e.side[e.done][c]
		g.block = ch.block
		e.coder.load(&ch.spec, &ch.now.perception, ch.block)
		e.rate.code(&e.coder, g, &ch.now, c)
		putScalefactors(&e.bits, g)
		putSpectrum(&e.bits, g, &e.coder)
	}
	e.index.granules++
	if e.done++; e.done < h.Version.granules() {
		return dst
	}
	e.done = 0
	data := e.bits.align()
	e.rate.choose(h, e.frames.free(), len(data))
	begin := e.frames.free()
	var head [headerLen + 32 + 8]byte
	b := appendSideInfo(h.append(head[:0]), h, begin, &e.side)
	e.frames.add(b, h.Size())
	e.frames.write(data, len(data))
	e.bits = bitWriter{buf: e.main[:]}
	if n := e.frames.free() - e.rate.roof(h); n > 0 {
		e.frames.write(nil, n)
	}
	return e.emit(dst)
}

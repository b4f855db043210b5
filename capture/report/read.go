package report

import (
	"encoding/binary"
	"errors"
)

// Kind is what an Item says.
type Kind uint8

// The kinds that a recorder listens to.
const (
	KindSender Kind = iota + 1 // Item.Sender
	KindName                   // SSRC has the CNAME in Text (RFC 3550 §6.5.1)
	KindBye                    // SSRC has left, for the reason in Text, if any (§6.6)
)

// Item is one thing that an RTCP datagram says.
type Item struct {
	Kind   Kind
	SSRC   uint32
	Sender Sender
	Text   []byte // as sent, of any encoding; lies in the datagram
}

// Compound walks over the items of one datagram.
type Compound struct {
	rest []byte // packets not yet begun

	kind Kind   // of the packet under way
	left int    // its sources that are not yet told
	body []byte // where they stand
	text []byte // reason of the BYE under way
	ssrc uint32 // of the chunk under way,
	item []byte // and its items that are not yet told
}

// errMalformed is all there is to say of what a peer has sent.
var errMalformed = errors.New("malformed RTCP")

// Parse checks a whole datagram (RFC 3550 appendix A.2) before anything of it is
// told: one or more packets of version 2 that fill it exactly and hold what they
// claim. Types that mean nothing to a recorder are passed over. A single packet of
// any type is taken too, as RFC 5506 has it.
func Parse(data []byte) (Compound, error) {
	if len(data) == 0 {
		return Compound{}, errMalformed
	}
	for rest := data; len(rest) > 0; {
		p, ok := cut(&rest)
		if !ok || !p.whole() {
			return Compound{}, errMalformed
		}
	}
	return Compound{rest: data}, nil
}

// packet is one packet of a compound, without header and padding.
type packet struct {
	kind  uint8
	count int
	body  []byte
}

// cut takes the first packet off data.
func cut(data *[]byte) (p packet, ok bool) {
	d := *data
	if len(d) < headerSize || d[0]>>6 != 2 {
		return p, false
	}
	size := headerSize + 4*int(binary.BigEndian.Uint16(d[2:]))
	if size > len(d) {
		return p, false
	}
	p = packet{kind: d[1], count: int(d[0] & 31), body: d[headerSize:size]}
	if d[0]&0x20 != 0 {
		if len(p.body) == 0 {
			return p, false
		}
		padding := int(p.body[len(p.body)-1])
		if padding == 0 || padding%4 != 0 || padding > len(p.body) {
			return p, false
		}
		p.body = p.body[:len(p.body)-padding]
	}
	*data = d[size:]
	return p, true
}

// whole reports whether a packet holds what its header claims.
func (p *packet) whole() bool {
	switch p.kind {
	case typeSender:
		return len(p.body) >= 4+senderSize+blockSize*p.count
	case typeReceiver:
		return len(p.body) >= 4+blockSize*p.count
	case typeBye:
		if len(p.body) < 4*p.count {
			return false
		}
		_, ok := reason(p.body[4*p.count:])
		return ok
	case typeNames:
		body := p.body
		for range p.count {
			if _, _, ok := chunk(&body); !ok {
				return false
			}
		}
		return len(body) == 0
	}
	return true
}

// reason is what stands after the sources of a BYE.
func reason(rest []byte) (text []byte, ok bool) {
	if len(rest) == 0 {
		return nil, true
	}
	n := int(rest[0])
	if 1+n > len(rest) {
		return nil, false
	}
	return rest[1 : 1+n], true
}

// chunk takes the first chunk off an SDES packet's body: its items, without the
// null octets that end them.
func chunk(body *[]byte) (ssrc uint32, items []byte, ok bool) {
	b := *body
	if len(b) < 4 {
		return 0, nil, false
	}
	at := 4
	for at < len(b) && b[at] != 0 {
		if at+2 > len(b) {
			return 0, nil, false
		}
		at += 2 + int(b[at+1])
	}
	end := (at + 4) &^ 3 // one null octet at least, and up to the next word
	if at >= len(b) || end > len(b) {
		return 0, nil, false
	}
	*body = b[end:]
	return binary.BigEndian.Uint32(b), b[4:at], true
}

// Next gives the next item; false: there is none.
func (c *Compound) Next(it *Item) bool {
	for {
		switch {
		case len(c.item) > 0:
			kind, text := c.item[0], c.item[2:2+int(c.item[1])]
			c.item = c.item[2+len(text):]
			if kind == itemCNAME {
				*it = Item{Kind: KindName, SSRC: c.ssrc, Text: text}
				return true
			}
		case c.left > 0 && c.kind == KindBye:
			*it = Item{Kind: KindBye, SSRC: binary.BigEndian.Uint32(c.body), Text: c.text}
			c.body = c.body[4:]
			c.left--
			return true
		case c.left > 0:
			c.ssrc, c.item, _ = chunk(&c.body)
			c.left--
		case len(c.rest) == 0:
			return false
		default:
			if c.enter(it) {
				return true
			}
		}
	}
}

// enter begins the next packet; true: it is a sender report, which is one item.
func (c *Compound) enter(it *Item) bool {
	p, _ := cut(&c.rest) // Parse has seen that it can be
	be := binary.BigEndian
	switch p.kind {
	case typeSender:
		*it = Item{Kind: KindSender, SSRC: be.Uint32(p.body)}
		it.Sender = Sender{
			SSRC: it.SSRC, NTP: be.Uint64(p.body[4:]), RTP: be.Uint32(p.body[12:]),
			Packets: be.Uint32(p.body[16:]), Octets: be.Uint32(p.body[20:]),
		}
		return true
	case typeNames:
		c.kind, c.left, c.body = KindName, p.count, p.body
	case typeBye:
		c.kind, c.left, c.body = KindBye, p.count, p.body
		c.text, _ = reason(p.body[4*p.count:])
	}
	return false
}

package report

import "encoding/binary"

// Packet types of RFC 3550 §12.1.
const (
	typeSender   = 200
	typeReceiver = 201
	typeNames    = 202
	typeBye      = 203
)

// Sizes in octets.
const (
	headerSize = 4
	senderSize = 20 // after the SSRC
	blockSize  = 24
	maxName    = 255
)

// itemCNAME is the one SDES item that everybody sends (RFC 3550 §6.5.1).
const itemCNAME = 1

// Append appends the compound packet of a receiver: its report with the block, or
// with none, and its CNAME, of which 255 octets are kept (RFC 3550 §6.1). ours is
// the receiver's SSRC.
func Append(dst []byte, ours uint32, cname string, block *Block) []byte {
	be := binary.BigEndian
	if block == nil {
		dst = append(dst, 0x80, typeReceiver, 0, 1)
		dst = be.AppendUint32(dst, ours)
	} else {
		dst = append(dst, 0x81, typeReceiver, 0, 7)
		dst = be.AppendUint32(dst, ours)
		dst = be.AppendUint32(dst, block.SSRC)
		dst = be.AppendUint32(dst, uint32(block.Fraction)<<24|uint32(block.Lost)&0xFFFFFF)
		dst = be.AppendUint32(dst, block.Highest)
		dst = be.AppendUint32(dst, block.Jitter)
		dst = be.AppendUint32(dst, block.LSR)
		dst = be.AppendUint32(dst, block.DLSR)
	}
	cname = cname[:min(len(cname), maxName)]
	// The items end with one to four null octets.
	words := (4+2+len(cname))/4 + 1
	dst = append(dst, 0x81, typeNames, byte(words>>8), byte(words))
	dst = be.AppendUint32(dst, ours)
	dst = append(dst, itemCNAME, byte(len(cname)))
	dst = append(dst, cname...)
	for n := words*4 - (4 + 2 + len(cname)); n > 0; n-- {
		dst = append(dst, 0)
	}
	return dst
}

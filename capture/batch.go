package capture

// BufferSize is how much of a datagram is kept, in bytes.
const BufferSize = 2048

// burst is how many datagrams one system call takes from a socket.
const burst = 16

// Batch is the memory that Read fills: a slab of buffers, made once. It belongs
// to the goroutine that reads with it.
type Batch struct {
	Datagrams []Datagram // of the last Read, in order of arrival for each port

	slab []byte
	vec  vectors // what the system call wants to know about the slab
}

// NewBatch makes a Batch of n buffers of BufferSize bytes, at least 16.
func NewBatch(n int) *Batch {
	n = max(n, burst)
	b := &Batch{Datagrams: make([]Datagram, 0, n), slab: make([]byte, n*BufferSize)}
	b.vec = newVectors(b.slab)
	return b
}

// Reset empties the Batch. Read does so itself.
func (b *Batch) Reset() { b.Datagrams = b.Datagrams[:0] }

// Room is how many more datagrams fit.
func (b *Batch) Room() int { return cap(b.Datagrams) - len(b.Datagrams) }

// Add copies d and its data into the Batch, cut to BufferSize, for a Set that
// has them elsewhere. It reports whether there was room.
func (b *Batch) Add(d Datagram) bool {
	if b.Room() == 0 {
		return false
	}
	buf := b.buffer(len(b.Datagrams))
	n := copy(buf, d.Data)
	d.Truncated = d.Truncated || n < len(d.Data)
	d.Data = buf[:n:n]
	b.Datagrams = append(b.Datagrams, d)
	return true
}

// buffer is the i-th of the slab.
func (b *Batch) buffer(i int) []byte {
	return b.slab[i*BufferSize : (i+1)*BufferSize : (i+1)*BufferSize]
}

// Package codec owns what the audio encoders have in common: the Encoder
// interface that a recording writes through, and the Tags a file carries.
// The recording pipeline calls it; codec/wav and codec/mp3 implement it.
package codec

// Encoder turns 16-bit PCM into the bytes of one file. Its methods return no
// errors: whatever can be wrong about a format is refused by the constructor.
// An Encoder belongs to one goroutine and shares no state with any other.
//
// A file is Header, then everything Append returned, then what Finish returned.
type Encoder interface {
	// Append encodes pcm, of any length, and appends the bytes that are ready
	// to dst. Stereo is interleaved, left first, and comes in whole frames (an
	// even number of values). What does not fill a block is kept for the next
	// call. It allocates only when dst lacks the room.
	Append(dst []byte, pcm []int16) []byte

	// Finish appends what is still held, then any tags the format puts at the
	// end of the file. The encoder is spent: only Header may be called after.
	Finish(dst []byte, t Tags) []byte

	// Header appends the first bytes of the file as they should read now. Its
	// length is the same at every call, so a writer reserves it at the start
	// and rewrites it at the end; tags too long for the room are cut.
	Header(dst []byte, t Tags) []byte
}

// Tags are what a finished file says about itself. Empty fields are left out.
type Tags struct {
	Title   string // the recording's media name
	Date    string // start of the recording, RFC 3339
	CallID  string
	From    string // who called, as the announcement gave it
	To      string // who was called
	Comment string // the quality record, as one line of JSON
}

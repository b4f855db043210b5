// Package mp3 is an MPEG-1, MPEG-2 and MPEG-2.5 Layer III encoder for recordings
// of calls, and a walker that reads the frames of a stream back. It owns what lies
// between 16-bit samples and the bytes of an MP3 file. The recording pipeline
// calls New and the codec.Encoder that it gives; the spool's repair calls Repair;
// inspection calls Walk.
//
// The encoder reads like the block diagram of ISO/IEC 11172-3 (Figure C.4), a
// file a block:
//
//	samples → polyphase → mdct → granule: quantise, code → frame → bytes
//	               └→ psycho, entropy → analyse ─┘ ↑
//	                                            rate
//
// Each granule is transformed in long and in short blocks. The psychoacoustic
// model of ITU-R BS.1387 looks at the spectra themselves and says how much noise
// weighs on each scalefactor band, in time steps of a short block. From that,
// entropy gives the bits that either kind of block would take at the running noise
// level, which decides between them and predicts global_gain, so that one or two
// tries at the quantiser do. rate keeps noise over mask the same throughout, as
// far as the bit reservoir reaches.
//
// # The same file everywhere
//
// The kernels exist in Go, always compiled, and in AVX2 assembly made by _gen;
// both do the same IEEE operations in the same order, and no product is fused with
// a sum: Go code converts each product explicitly, the assembly has no FMA (chips
// of today add and multiply side by side, so little is lost). The tables are made
// at start in float64 and rounded to float32, where a last bit of float64 is lost.
// A test holds hashes of whole files.
//
// An encoder holds all its memory (under 40 KB), allocates nothing after New, and
// shares only read-only tables with others.
package mp3

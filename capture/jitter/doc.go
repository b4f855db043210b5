// Package jitter owns the step from RTP packets to a timeline: it puts the
// octets of one leg where their timestamps say, whatever the order they arrive
// in, and hands them out in order once they are old enough. The recording shards
// call it, one Buffer a leg. It is pure: every time is an argument, and memory
// comes from a Pool that the shard owns.
//
// Positions are samples of the leg's own timeline, as its sender counts them. It
// begins with the call's, at the call's epoch, and runs ahead of it by what Lean
// was last told. What has been read is fixed: nothing is placed before it any more.
//
//	packet ─► fits the current stream? ─► ring, by timestamp ─► Read
//	              └ no ─► nursery, until the new stream's anchor is known ─┘
//
// A stream is a run of packets whose timestamps make sense together: a new SSRC,
// a sender's restart, or a timestamp jump that arrival contradicts begins another.
package jitter

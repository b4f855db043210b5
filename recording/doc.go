// Package recording owns a call from its announcement to the finished files of
// its recordings: the specs, the states, the limits, and the shards that turn
// packets into files. The control doors call the Manager; it calls capture,
// the jitter buffers, mixer and codecs, and leaves files in the spool.
package recording

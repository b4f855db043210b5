package recording

// Quality says how well a recording went. Counts are of the whole call up to
// the end of the recording; a leg that never sent has NoMedia set.
type Quality struct {
	Legs       [2]LegQuality `json:"legs"`      // caller, callee
	OffsetMS   float64       `json:"offset_ms"` // how much later than the caller the callee is heard, as far as is known
	Clipped    uint64        `json:"clipped_samples"`
	LostToDisk float64       `json:"lost_to_disk_ms"`
	AwayMS     float64       `json:"away_ms,omitempty"` // silence because the worker was restarted in mid-call; counts are of the time since
}

// LegQuality is one leg's part of the record.
type LegQuality struct {
	Packets     uint64  `json:"packets"`
	Lost        uint64  `json:"lost"`
	Late        uint64  `json:"late"`
	Duplicate   uint64  `json:"duplicate"`
	Reordered   uint64  `json:"reordered"`
	Foreign     uint64  `json:"foreign"`      // datagrams from another source: dropped
	Ignored     uint64  `json:"ignored"`      // not RTP, or of a payload type that is not ours
	Digits      uint64  `json:"digits"`       // keys pressed (RFC 4733), kept out of the audio
	SSRCChanges uint64  `json:"ssrc_changes"` // and restarts: times the leg was anchored anew
	JitterMS    float64 `json:"jitter_ms"`    // RFC 3550 §6.4.1 interarrival jitter
	DriftPPM    float64 `json:"drift_ppm"`    // how much faster the sender's clock runs than ours; 0 while not known
	CorrectedMS float64 `json:"corrected_ms"` // how far the leg was moved to follow that clock; negative: later
	ConcealedMS float64 `json:"concealed_ms"` // gaps between packets that came: filled with voice to 60 ms from both sides
	NoMedia     bool    `json:"no_media"`
}

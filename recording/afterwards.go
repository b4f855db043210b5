package recording

// Most deliveries end while their call is still known, and the shard that made
// the recording has its state. But a receiver may be down for a week, a parked
// recording is tried again when the operator says so, and a restart forgets all
// calls; then only the event is left to tell.

// Delivered says that the target has confirmed a recording.
func (m *Manager) Delivered(call CallID, recording string) {
	m.tell(outcome{call: call, recording: recording, on: onDelivered})
}

// Parked says that the target will not have a recording, and why.
func (m *Manager) Parked(call CallID, recording, reason string) {
	m.tell(outcome{call: call, recording: recording, on: onParked, reason: reason})
}

// Retried says that the operator sends a parked recording on its way again.
func (m *Manager) Retried(call CallID, recording string) {
	m.tell(outcome{call: call, recording: recording, on: onRetry, reason: "retried"})
}

// afterwards tells of an outcome whose recording no shard knows any more. Nobody
// kept its state, but each of these outcomes comes in one state only.
func (m *Manager) afterwards(o *outcome) {
	from := Spooled
	if o.on == onRetry {
		from = Parked
	}
	to, ok := next(from, o.on)
	if !ok || o.call == (CallID{}) {
		return
	}
	m.shards[0].count.ends[to].Add(1)
	if m.cfg.OnEvent != nil {
		m.cfg.OnEvent(Event{
			At: m.clock.wall(), Call: o.call, Name: to.String(), Detail: o.reason,
			Recording: &Info{ID: o.recording, State: to, Reason: o.reason},
		})
	}
}

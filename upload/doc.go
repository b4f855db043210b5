// Package upload delivers what the spool holds. cmd gives it the targets and
// plugs Queue.Submit into the spool; the spool announces, the queue tries, waits
// and tries again, and a recording leaves this worker's disk only after its
// target has confirmed it.
//
// A Target is simple: one try of one recording, idempotent, with an error that
// carries its class. Everything about trying again is here, in one place.
//
//	Retry      the target is down or busy      growing waits, for Config.Keep
//	Slow       the target refuses               hourly for a day, then parked
//	Permanent  it can never work                parked at once
//
// Each destination has a lane (lane.go): in order of age, a few tries at a time,
// and one now and then while it is down. What is parked waits for the operator:
// ListParked, Queue.Redrive.
//
// Goroutines: Config.Workers deliverers, and one of each Sweeper. What waits is
// a heap, not goroutines.
package upload

// Package control owns what every door of the worker shares: the Recorder they
// drive, the codes their errors become, and SDP, which SBCs offer over HTTP and
// over SIP alike. The doors (control/httpapi and later ones) call it; it starts
// nothing and keeps no state.
package control

import (
	"context"

	"callrec/recording"
)

// Recorder is what a door needs of *recording.Manager.
type Recorder interface {
	// Announce makes a call known. The same announcement again changes nothing
	// and returns the call as it is, with created false.
	Announce(ctx context.Context, c recording.CallSpec) (info recording.CallInfo, created bool, err error)
	// Do carries out a command on a live call and returns the call after it.
	Do(ctx context.Context, id recording.CallID, c recording.Command) (recording.CallInfo, error)
	// Info returns a picture of a call; ok is false when no such call is known.
	Info(id recording.CallID) (info recording.CallInfo, ok bool)
	// Calls returns the calls of one account.
	Calls(account string) []recording.CallInfo
}

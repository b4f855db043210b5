// Package spool owns the recordings on this worker's disk, from the first byte
// until a target has confirmed that it holds them, and the memos of live calls. The recording shards create
// and write parts; package upload takes what is ready and says when it may go.
//
//	part ──► ready ──► gone      (delivered, leaving a receipt; or removed)
//	  │        └─────► parked    (kept until the operator acts)
//	  └─────► gone               (abandoned: discarded or cancelled)
//
// # What is on disk
//
//	<id>.json        the manifest: one line of JSON, one line with its checksum
//	<id>.<ext>.part  audio that is still being written
//	<id>.<ext>       audio that is complete
//	<id>.json.tmp    a manifest on its way to <id>.json
//	calls            the memos of live calls, a line with a checksum for each change (journal.go); calls.tmp likewise
//	<id>.gone        a former manifest: the recording is being removed
//	<id>.sent        a former manifest: the recording is delivered, which others are to hear (receipt.go)
//	quarantine/      what could not be understood, under the name it had
//	lock             held with flock by the one owner of the folder
//
// # The invariant
//
// A process may be killed between any two steps below; each order is chosen so
// that what is then on disk has one reading.
//
//   - A manifest is there before its audio, and until its audio has gone.
//     Audio without one was not left by us; it is quarantined.
//   - A manifest is only ever replaced whole, by rename.
//   - A manifest says "complete" only when every byte of the audio is synced.
//     So a part with a complete manifest needs only its rename, and a part with
//     an incomplete one is repaired and marked interrupted.
//   - Audio bears its plain name only after its complete manifest is synced.
//   - A recording is removed from the instant its manifest bears the name
//     <id>.gone or <id>.sent, whatever else is left of it. Until then it is delivered (again).
//
// create:  manifest, audio file, header, bytes as they come.
// commit:  header at 0, fsync audio, manifest "complete" (fsync, rename), fsync
// folder, rename audio, fsync folder; only then is it announced.
// remove:  rename manifest to .gone, fsync folder, unlink audio, fsync folder,
// unlink .gone. A delivered one is .sent instead, with Config.OnSent, and that is
// unlinked when whoever was told of it says so.
//
// A memo (memo.go) is no recording: it is counted nowhere and delivered to nobody. It is
// there from a call's beginning until its end, and never synced.
//
// Creating and updating do not wait for fsync: a kill costs what was not yet
// handed to the kernel (Flush bounds it). A power cut may cost running calls, or
// with Config.SyncEvery what they wrote since the last sync of everything.
//
// # Goroutines
//
// One writer, a few finishers, and the syncer if SyncEvery says so. Whatever waits for a disk to sync is done by
// a finisher, so a slow fsync never holds up the writing of running calls. What the disk
// has no room for waits in memory, part by part (writer.go).
package spool

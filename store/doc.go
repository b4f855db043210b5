// Package store keeps what a worker must know for longer than a call: the
// documents of accounts, users, devices and callflows, the tokens, the index
// of recordings, and whose the names at receivers are. It owns the NATS JetStream buckets they lie in, the NATS server
// in this process when no other is named, and the pictures of the buckets in
// memory. cmd makes and connects it; the doors read and write documents and tokens through it,
// the recorder's events go into the index, and, on a server that others can reach,
// to whoever subscribes to them ([Store.Tell]).
//
// Documents are JSON objects to it and nothing more: what they mean is policy's.
//
// # Reading
//
// A watch keeps a picture of each bucket in memory, so reading a document, what
// was compiled from it, or a token costs no I/O. A change is in the picture of
// the store that made it when the call returns, and in every other store as soon
// as the server has passed it on. While NATS is away, reading goes on with what
// was known last, and changes fail with [ErrUnavailable].
//
// The index of recordings is in memory too, but only what it is sorted and
// searched by; documents of recordings are read from
// the bucket when they are asked for.
//
// # What survives what
//
// A change that was answered without an error is in the kernel's page cache at
// least: it survives kill -9. The embedded server syncs its files every second,
// so a power failure may take the last second with it. With a cluster it is up to
// that cluster; buckets are made with three replicas there.
//
// A store is of use before it is connected, because a worker that starts while NATS is
// away has calls to go on with: see [Store].
//
// An [Store.Upsert] is answered before it is written. Until it is, it waits in
// memory (64 MiB at most), and [Store.Close] writes what waits.
//
// # Keys
//
// Ids are whatever a tenant chose. In subjects each is base64url, so that no id
// is a wildcard, a path or two tokens.
package store

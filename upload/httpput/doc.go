// Package httpput is the Target that sends a recording in one PUT or POST, the
// way Kazoo's receivers know it. cmd makes two: one behind a Guard for tenants'
// urls, one without for the operator's own storage. package upload calls Put.
//
// It owns the form of the request: the final URL, the headers, redirects, what a
// status means, and which addresses a tenant's url may lead to. It starts no
// goroutine of its own and keeps nothing of a recording between tries.
package httpput

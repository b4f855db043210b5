module callrec

go 1.26

require (
	github.com/pion/sdp/v3 v3.0.20
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3
)

require (
	github.com/pion/randutil v0.1.0 // indirect
	golang.org/x/text v0.14.0 // indirect
)

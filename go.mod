module callrec

go 1.26.0

require (
	github.com/hajimehoshi/go-mp3 v0.3.4
	golang.org/x/sys v0.49.0
)

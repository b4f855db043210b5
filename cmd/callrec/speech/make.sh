#!/bin/sh
# Makes the speech of `callrec demo`: 10 s of a telephone call, one raw µ-law file
# (8 kHz) for each party. The text is ours; espeak-ng speaks it, sox places it.
# Both files are committed, so that the demo needs neither. Run it in this folder.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# say NAME VOICE SPEED START TEXT: one turn, without the silence around it, that
# begins START seconds into the call. The cut at 3.4 kHz is that of a telephone.
say() {
	espeak-ng -v "$2" -s "$3" -w "$work/raw.wav" "$5"
	sox "$work/raw.wav" "$work/turn.wav" silence 1 0.01 0.5% reverse silence 1 0.01 0.5% reverse
	sox -D "$work/turn.wav" -r 8000 "$work/$1.wav" sinc 200-3400 fade 0.01 -0 0.01 pad "$4" 0
}

say a1 en-us+f3 190 0.3 "Hello Ben, this is Ann. Is somebody recording this?"
say b1 en-gb+m7 180 3.4 "Somebody is, and each of us has a channel of our own."
say a2 en-us+f3 185 5.8 "So it does not matter when we talk both at once?"
say b2 en-gb+m7 185 7.7 "Not at all. Every sample is kept."

# The callee is the quieter one, as usual. Turns end before 10 s; the rest is
# silence (of which sox warns: -V1); without dither, so that the files do not change from run to run.
sox -V1 -D -m -v 1 "$work/a1.wav" -v 1 "$work/a2.wav" "$work/caller.wav" norm -4 pad 0 10 trim 0 10
sox -V1 -D -m -v 1 "$work/b1.wav" -v 1 "$work/b2.wav" "$work/callee.wav" norm -9 pad 0 10 trim 0 10
for party in caller callee; do
	sox -D "$work/$party.wav" -t raw -r 8000 -c 1 -e mu-law -b 8 "$party.ulaw"
done
for turn in a1 b1 a2 b2; do
	echo "$turn ends at $(soxi -D "$work/$turn.wav") s"
done
ls -l ./*.ulaw

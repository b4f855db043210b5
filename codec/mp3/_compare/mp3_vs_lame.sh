#!/bin/bash
# CPU time (user and system) of lame -q 3, lame -q 7 and this encoder, with and
# without assembly, over the same 20 minutes of WAV, in turn; prints the medians
# and the ratios.   mp3_vs_lame.sh [WAV8 [WAV16]]   (any speech of 20 minutes or
# more at 8 and 16 kHz mono; without, espeak-ng and sox make it)
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/asm" main.go
go build -tags noasm -o "$work/noasm" main.go

wav8=${1:-} wav16=${2:-}
if [ -z "$wav8" ]; then
	text='Good morning, you are through to the office. How may I help you today? I am
calling about the invoice of last week; the number is four seven one one. One
moment please, I shall look that up. Thank you for waiting, here it is.'
	for v in en en+f3 de it+m2; do espeak-ng -v $v -w "$work/$v.wav" "$text"; sox "$work/$v.wav" -r 8000 -b 16 "$work/8-$v.wav" pad 0.3 0.5 gain -4; done
	sox "$work"/8-*.wav "$work/turn.wav"
	n=$(soxi -s "$work/turn.wav")
	sox "$work/turn.wav" "$work/8.wav" repeat $((1200 * 8000 / n))
	wav8=$work/8.wav
fi
if [ -z "$wav16" ]; then
	wav16=$work/16.wav
	sox "$wav8" -D -r 16000 "$wav16"
fi

cpu() { # seconds of CPU time of a command
	local TIMEFORMAT='%U %S'
	{ time "$@" >/dev/null 2>&1; } 2>&1 | awk '{ printf "%.3f\n", $1 + $2 }'
}
median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

for wav in "$wav8" "$wav16"; do
	for i in 1 2 3 4 5; do
		cpu lame --quiet -q 3 --cbr -b 32 "$wav" "$work/o.mp3" >>"$work/q3"
		cpu lame --quiet -q 7 --cbr -b 32 "$wav" "$work/o.mp3" >>"$work/q7"
		cpu "$work/asm" 32 "$wav" "$work/o.mp3" >>"$work/ours"
		cpu "$work/noasm" 32 "$wav" "$work/o.mp3" >>"$work/plain"
	done
	awk -v q3="$(median <"$work/q3")" -v q7="$(median <"$work/q7")" -v asm="$(median <"$work/ours")" \
		-v noasm="$(median <"$work/plain")" -v rate="$(soxi -r "$wav")" -v len="$(soxi -D "$wav")" 'BEGIN {
		printf "%d Hz, 32 kbit/s, %.0f s of audio, CPU seconds (x-realtime)\n", rate, len
		printf "  lame -q 3  %.3f (%.0f)\n  lame -q 7  %.3f (%.0f)\n", q3, len / q3, q7, len / q7
		printf "  AVX2       %.3f (%.0f)   %.2f x q7   %.2f x q3\n", asm, len / asm, q7 / asm, q3 / asm
		printf "  noasm      %.3f (%.0f)   %.2f x q7   %.2f x q3\n", noasm, len / noasm, q7 / noasm, q3 / noasm
	}'
	rm "$work"/q3 "$work"/q7 "$work"/ours "$work"/plain
done

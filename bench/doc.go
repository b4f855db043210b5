// Package bench measures and tests the worker from outside: the real binary, as
// a process of its own, with real packets over loopback, real SBCs and real
// storage servers. Nobody imports it; `go test ./bench` and
// `go test -bench . ./bench` run it. CALLREC_LONG=1 makes the tests long,
// CALLREC_TORTURE=N kills a worker N times, CALLREC_SOAK=30m lets calls come and go for
// so long (and wants -timeout 1h).
//
// BenchmarkCalls loads a worker with so many calls at once and reports, beside
// the worker's CPU, whether the run counts: lost-packets must be 0, every file
// is compared with its mix, and a run whose generator fell more than 100 ms
// behind is repeated, then skipped. WAV files hold noise and are compared sample
// by sample: that shows that nothing is lost or moved. MP3 files (16 kHz, 32
// kbit/s, the default) hold voices, are decoded by mpg123 and compared as an ear
// does, after ITU-R BS.1387: that shows that what lies behind the mix, resampler and
// encoder, adds no noise that is heard, and moves nothing either. Without mpg123
// there is no MP3 load. It needs two CPUs that nobody else uses:
//
//	go test ./bench -run '^$' -bench Calls -benchtime 1x -count 6 | tee new.txt
//	benchstat bench/results/2026-11-23-2vcpu-epyc-turin.txt new.txt
//	CALLREC_PROFILE=worker.pprof go test ./bench -run '^$' -bench Calls/format=wav/calls=1000 -benchtime 1x
//	go tool pprof -top worker.pprof
//
// BenchmarkAnnounce measures what the worker pays for a call's announcement and for its
// hang-up, over HTTP:
//
//	go test ./bench -run '^$' -bench Announce -benchtime 1x -count 6
//
// Figures of two machines, or of two days, do not compare: measure both sides of
// a change, in turns. Files go below TMPDIR: of WAV, 70 MB
// for 100 calls. Checking 1,000 MP3 files takes 40 s after the run.
package bench

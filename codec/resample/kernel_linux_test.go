package resample_test

import (
	"syscall"
	"testing"
	"unsafe"
)

// fenced returns n values that end where the process may not read.
func fenced(t *testing.T, n int) []int16 {
	t.Helper()
	page := syscall.Getpagesize()
	size := (2*n + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	if err := syscall.Mprotect(mem[size:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return unsafe.Slice((*int16)(unsafe.Pointer(&mem[size-2*n])), n)
}

// The assembly reads no sample and writes no output beyond the last.
func TestKernelStaysInside(t *testing.T) {
	for _, p := range [][2]int{{8000, 16000}, {8000, 24000}, {8000, 44100}, {48000, 8000}, {16000, 8000}} {
		filter := mustFilter(t, p[0], p[1])
		for n := 1; n < 20; n++ {
			for row := range min(filter.RowCount(), 8) {
				filter.Convolve(fenced(t, n), fenced(t, filter.Need(row, n)), row)
			}
		}
	}
}

func TestWarpKernelStaysInside(t *testing.T) {
	for n := 1; n < 20; n++ {
		for _, pos := range []int64{firstWarp, firstWarp + one/2, firstWarp + one - 1} {
			warp.Read(fenced(t, n), fenced(t, warpNeed(n, pos, drift(1000))), pos, drift(1000))
		}
	}
}

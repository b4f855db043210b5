package resample

//go:generate go -C _gen run . -out ../convolve_avx2_amd64.s -stubs ../convolve_avx2_amd64.go -pkg resample

package mp3

// Version is the MPEG version of a stream, which its sampling rate decides.
type Version uint8

// The versions, as the header codes them (ISO/IEC 11172-3 and 13818-3, 2.4.2.3;
// 2.5 is the industry's extension to half the rates of MPEG-2).
const (
	MPEG25 Version = 0
	MPEG2  Version = 2
	MPEG1  Version = 3
)

func (v Version) String() string {
	switch v {
	case MPEG1:
		return "MPEG-1"
	case MPEG2:
		return "MPEG-2"
	case MPEG25:
		return "MPEG-2.5"
	}
	return "MPEG-?"
}

// sampleRates are the rates of each version in the order of the header's
// sampling_frequency (11172-3 and 13818-3, 2.4.2.3).
var sampleRates = [4][3]int{
	MPEG1:  {44100, 48000, 32000},
	MPEG2:  {22050, 24000, 16000},
	MPEG25: {11025, 12000, 8000},
}

// bitRates are the kbit/s of bitrate_index 1..14 of Layer III: MPEG-1, then the
// lower sampling frequencies (11172-3 and 13818-3, 2.4.2.3).
var bitRates = [2][15]int{
	{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
}

// lsf is 1 for the lower sampling frequencies, 0 for MPEG-1.
func (v Version) lsf() int {
	if v == MPEG1 {
		return 0
	}
	return 1
}

// granules in a frame: two in MPEG-1, one below.
func (v Version) granules() int { return 2 - v.lsf() }

// findRate gives the version and the sampling_frequency index of a rate.
func findRate(rate int) (Version, int, bool) {
	for _, v := range [...]Version{MPEG1, MPEG2, MPEG25} {
		for i, r := range sampleRates[v] {
			if r == rate {
				return v, i, true
			}
		}
	}
	return 0, 0, false
}

// sfbLongOf and sfbShortOf are the scalefactor band boundaries in lines: 11172-3
// Table B.8 and 13818-3 Table B.2, by version and sampling_frequency. MPEG-2.5
// repeats the 16 kHz bands at 11.025 and 12 kHz and has its own at 8 kHz.
var (
	lsf22 = [23]uint16{0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 116, 140, 168, 200, 238, 284, 336, 396, 464, 522, 576}
	lsf16 = [14]uint16{0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 134, 174, 192}

	sfbLongOf = [4][3][23]uint16{
		MPEG1: {
			{0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 52, 62, 74, 90, 110, 134, 162, 196, 238, 288, 342, 418, 576},
			{0, 4, 8, 12, 16, 20, 24, 30, 36, 42, 50, 60, 72, 88, 106, 128, 156, 190, 230, 276, 330, 384, 576},
			{0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 54, 66, 82, 102, 126, 156, 194, 240, 296, 364, 448, 550, 576},
		},
		MPEG2: {
			lsf22,
			{0, 6, 12, 18, 24, 30, 36, 44, 54, 66, 80, 96, 114, 136, 162, 194, 232, 278, 332, 394, 464, 540, 576},
			lsf22,
		},
		MPEG25: {
			lsf22,
			lsf22,
			{0, 12, 24, 36, 48, 60, 72, 88, 108, 132, 160, 192, 232, 280, 336, 400, 476, 566, 568, 570, 572, 574, 576},
		},
	}

	sfbShortOf = [4][3][14]uint16{
		MPEG1: {
			{0, 4, 8, 12, 16, 22, 30, 40, 52, 66, 84, 106, 136, 192},
			{0, 4, 8, 12, 16, 22, 28, 38, 50, 64, 80, 100, 126, 192},
			{0, 4, 8, 12, 16, 22, 30, 42, 58, 78, 104, 138, 180, 192},
		},
		MPEG2: {
			{0, 4, 8, 12, 18, 24, 32, 42, 56, 74, 100, 132, 174, 192},
			{0, 4, 8, 12, 18, 26, 36, 48, 62, 80, 104, 136, 180, 192},
			lsf16,
		},
		MPEG25: {
			lsf16,
			lsf16,
			{0, 8, 16, 24, 36, 52, 72, 96, 124, 160, 162, 164, 166, 192},
		},
	}
)

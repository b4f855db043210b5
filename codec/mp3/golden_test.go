package mp3

var golden = map[Config]string{
	{Rate: 8000, Channels: 1, BitRate: 16}:   "e865360bfe0cfde6",
	{Rate: 16000, Channels: 1, BitRate: 32}:  "97961735622b2116",
	{Rate: 16000, Channels: 2, BitRate: 64}:  "5ce5c23cddd922b8",
	{Rate: 22050, Channels: 1, Quality: 5}:   "3d5831c274408671",
	{Rate: 44100, Channels: 2, BitRate: 128}: "139821ad4eb8da8d",
}

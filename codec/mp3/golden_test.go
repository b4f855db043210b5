package mp3

var golden = map[Config]string{
	{Rate: 8000, Channels: 1, BitRate: 16}:   "67628757982700c4",
	{Rate: 16000, Channels: 1, BitRate: 32}:  "538200b1e3f743ec",
	{Rate: 16000, Channels: 2, BitRate: 64}:  "3ea157932af7b19a",
	{Rate: 22050, Channels: 1, Quality: 5}:   "8c9123fb69f799db",
	{Rate: 44100, Channels: 2, BitRate: 128}: "73a9161d81e7d9a9",
}

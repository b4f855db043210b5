package mp3

var golden = map[Config]string{
	{Rate: 8000, Channels: 1, BitRate: 16}:   "",
	{Rate: 16000, Channels: 1, BitRate: 32}:  "",
	{Rate: 16000, Channels: 2, BitRate: 64}:  "",
	{Rate: 22050, Channels: 1, Quality: 5}:   "",
	{Rate: 44100, Channels: 2, BitRate: 128}: "",
}

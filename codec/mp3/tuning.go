package mp3

var tune = struct {
	sig, slack, round     float32
	shortK, shortC, kappa float32
	future, mu, theta     float32
}{sig: -1, slack: 3, round: 0.33, shortK: 1, shortC: 0, kappa: 1, future: 2, mu: 0.1, theta: 0.3}

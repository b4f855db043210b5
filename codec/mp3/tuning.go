package mp3

var tune = struct {
	sig, slack, round     float32
	shortK, shortC, kappa float32
	future, mu, theta     float32
}{sig: -0.8, slack: 3, round: 0.30, shortK: 1, shortC: 0, kappa: 1, future: 2, mu: 0.05, theta: 0.3}

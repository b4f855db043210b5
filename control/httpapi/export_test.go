package httpapi

// Routes are the paths there are and the verbs each takes.
func Routes() map[string][]string {
	out := make(map[string][]string, len(routes))
	for path, m := range routes {
		for verb := range m {
			out[path] = append(out[path], verb)
		}
	}
	return out
}

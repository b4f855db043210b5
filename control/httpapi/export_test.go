package httpapi

// Routes are the paths there are and the verbs each takes.
func Routes() map[string][]string {
	out := make(map[string][]string, len(routes))
	for _, all := range []map[string]methods{routes, spoolRoutes} {
		for path, m := range all {
			for verb := range m {
				out[path] = append(out[path], verb)
			}
		}
	}
	return out
}

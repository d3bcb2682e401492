package flagset

// Nearest returns the candidate closest to word by edit distance, if one is
// close enough to be a likely typing mistake.
func Nearest(word string, candidates []string) (string, bool) {
	best, bestDistance := "", len(word)/3+2
	for _, c := range candidates {
		if d := distance(word, c); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best, best != ""
}

func suggest(prefix, word string, candidates []string) string {
	if near, ok := Nearest(word, candidates); ok {
		return "; did you mean " + prefix + near + "?"
	}
	return ""
}

// distance is Levenshtein's, over bytes: flag and command names are ASCII.
func distance(a, b string) int {
	previous := make([]int, len(b)+1)
	current := make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := range len(a) {
		current[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			current[j+1] = min(previous[j]+cost, previous[j+1]+1, current[j]+1)
		}
		previous, current = current, previous
	}
	return previous[len(b)]
}

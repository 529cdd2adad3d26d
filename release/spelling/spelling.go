// Package spelling decides what somebody meant who wrote a name that does not
// exist.
package spelling

import "strings"

// Nearest gives the candidate that a word was most likely meant to be, or "".
// A word is near when few letters differ for its length; an exchange of two
// neighbours counts as one. Upper and lower case, and - and _, do not differ.
func Nearest(word string, candidates []string) string {
	w := plain(word)
	best, least := "", len(w)/4+1
	if len(w) < 3 {
		return ""
	}
	for _, c := range candidates {
		if c == word {
			continue
		}
		if d := distance(w, plain(c)); d <= least && (best == "" || d < least) {
			best, least = c, d
		}
	}
	return best
}

func plain(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }

// distance is that of Damerau and Levenshtein, with neighbours exchanged once.
func distance(a, b string) int {
	if len(a)-len(b) > 4 || len(b)-len(a) > 4 {
		return 100
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// Package drain finds the patterns of log lines with the Drain algorithm (He et
// al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", 2017).
//
// It belongs here: cutting lines into words, clustering them, and the text of a
// cluster. Reading lines and counting them over time do not.
package drain

import (
	"strings"
)

// Wildcard stands in a pattern for what differs.
const Wildcard = "<_>"

// Bounds of a miner. Lines beyond them are clustered more coarsely, not dropped.
const (
	maxClusters = 500
	maxWords    = 80 // of a line; what is behind them is one wildcard
	prefix      = 2  // words that lines of a cluster share, numbers aside
	similarity  = 0.5
	maxLine     = 4096 // bytes of a line that are looked at
)

// Cluster is a pattern and whoever is counted under it.
type Cluster struct {
	words []string
	Count int
	ID    int
}

// Pattern is the cluster as text, wildcards where lines differ.
func (c *Cluster) Pattern() string {
	out := strings.Join(c.words, " ")
	for strings.Contains(out, Wildcard+" "+Wildcard) {
		out = strings.ReplaceAll(out, Wildcard+" "+Wildcard, Wildcard)
	}
	return out
}

// Literals are the texts that every line of the cluster has, one behind the other.
func (c *Cluster) Literals() []string {
	var list []string
	for _, w := range c.words {
		for part := range strings.SplitSeq(w, Wildcard) {
			if part != "" {
				list = append(list, part)
			}
		}
	}
	return list
}

// Miner clusters lines. The zero value is ready. Not safe for concurrent use.
type Miner struct {
	clusters []*Cluster
	leaves   map[string][]*Cluster
}

// Add takes a line in and returns its cluster, nil for an empty line and for one
// that is like none when there are too many clusters.
func (m *Miner) Add(line string) *Cluster {
	words := split(line)
	if len(words) == 0 {
		return nil
	}
	if m.leaves == nil {
		m.leaves = map[string][]*Cluster{}
	}
	leaf := leafOf(words)
	best, score := (*Cluster)(nil), -1.0
	for _, c := range m.leaves[leaf] {
		if s := c.similar(words); s > score {
			best, score = c, s
		}
	}
	if best == nil || score < similarity {
		if len(m.clusters) >= maxClusters {
			return nil
		}
		best = &Cluster{words: words, ID: len(m.clusters)}
		m.clusters = append(m.clusters, best)
		m.leaves[leaf] = append(m.leaves[leaf], best)
	} else {
		best.merge(words)
	}
	best.Count++
	return best
}

// Clusters are all clusters in the order they were found.
func (m *Miner) Clusters() []*Cluster { return m.clusters }

// split cuts a line into words; those with a digit are likely to differ.
func split(line string) []string {
	if len(line) > maxLine {
		line = line[:maxLine]
	}
	words := strings.Fields(strings.ToValidUTF8(line, "?"))
	if len(words) > maxWords {
		words = append(words[:maxWords:maxWords], Wildcard)
	}
	for i, w := range words {
		words[i] = mask(w)
	}
	return words
}

// mask puts a wildcard for a word with a digit, or for the value of key=value if it
// has one.
func mask(w string) string {
	if !strings.ContainsAny(w, "0123456789") {
		return w
	}
	if k, v, ok := strings.Cut(w, "="); ok && k != "" && !strings.ContainsAny(k, "0123456789") {
		if strings.HasPrefix(v, `"`) && strings.HasSuffix(v, `"`) && len(v) > 1 {
			return k + `="` + Wildcard + `"`
		}
		return k + "=" + Wildcard
	}
	return Wildcard
}

// leafOf is the place in the tree: how many words, and the first of them.
func leafOf(words []string) string {
	return string(rune(len(words))) + "\x00" + strings.Join(words[:min(prefix, len(words)-1)], "\x00")
}

// similar is the share of words that are the same.
func (c *Cluster) similar(words []string) float64 {
	same := 0
	for i, w := range words {
		if c.words[i] == w {
			same++
		}
	}
	return float64(same) / float64(len(words))
}

func (c *Cluster) merge(words []string) {
	for i, w := range words {
		if c.words[i] != w {
			c.words[i] = Wildcard
		}
	}
}

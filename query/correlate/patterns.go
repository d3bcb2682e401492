package correlate

import (
	"cmp"
	"context"
	"net/url"
	"slices"

	"github.com/trefoil-o11y/trefoil/query/drain"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// NewPattern is a pattern of log lines of a service that the hour before did not have.
type NewPattern struct {
	Service  string
	Pattern  string // with drain.Wildcard for what differs
	Severity uint8  // the greatest seen, OTLP number
	Count    uint64 // of lines
	Sample   string // one of them
}

const (
	maxTexts       = 10_000 // that are looked at for patterns
	maxCandidates  = 32     // that are looked for in the hour before
	maxNewPatterns = 20
	patternScore   = 0.6
)

// candidate is a pattern that may be new.
type candidate struct {
	NewPattern
	shape logstore.Shape
	seen  int
}

// patterns finds what services log now and did not in the hour before.
func (c *Correlator) patterns(ctx context.Context, t tenant.ID, out *Related) error {
	if c.Logs == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.Budget)
	defer cancel()
	now := logstore.Filter{From: out.From, To: out.To, Services: out.Services}
	list, err := c.candidates(ctx, t, now)
	if err != nil || len(list) == 0 {
		return err
	}
	shapes := make([]logstore.Shape, len(list))
	for i := range list {
		shapes[i] = list[i].shape
	}
	all := now
	all.From = out.From.Add(-before)
	counts, _, err := c.Logs.CountShapes(ctx, t, all, out.From, shapes)
	if err != nil {
		return err
	}
	for i := range list {
		p := list[i].NewPattern
		n, ok := counts[p.Service]
		if !ok || n[i].Before > 0 || n[i].Since == 0 {
			continue
		}
		if p.Count = n[i].Since; len(out.Patterns) < maxNewPatterns {
			out.Patterns = append(out.Patterns, p)
			out.linkPattern(p, slices.MaxFunc(list[i].shape, func(a, b string) int { return cmp.Compare(len(a), len(b)) }))
		}
	}
	return nil
}

// candidates are the patterns of the texts of a filter, warnings first, then the most
// frequent.
func (c *Correlator) candidates(ctx context.Context, t tenant.ID, f logstore.Filter) ([]candidate, error) {
	miners := map[string]*drain.Miner{}
	found := map[*drain.Cluster]*candidate{}
	_, err := c.Logs.Texts(ctx, t, f, maxTexts, func(text logstore.Text) {
		m := miners[text.Service]
		if m == nil {
			m = &drain.Miner{}
			miners[text.Service] = m
		}
		cluster := m.Add(text.Body)
		if cluster == nil {
			return
		}
		one := found[cluster]
		if one == nil {
			one = &candidate{NewPattern: NewPattern{Service: text.Service, Sample: text.Body}}
			found[cluster] = one
		}
		one.seen++
		one.Severity = max(one.Severity, text.Severity)
	})
	if err != nil {
		return nil, err
	}
	var list []candidate
	for cluster, one := range found {
		one.Pattern, one.shape = cluster.Pattern(), cluster.Literals()
		if len(one.shape) > 0 { // else every line is like it
			list = append(list, *one)
		}
	}
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.seen, a.seen), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Pattern, b.Pattern))
	})
	return list[:min(len(list), maxCandidates)], nil
}

func (r *Related) linkPattern(p NewPattern, text string) {
	r.Links = append(r.Links, Link{"logs", p.Service + " logs something new: " + p.Pattern, "no line like it in the hour before",
		"/api/v1/logs?" + url.Values{"service": {p.Service}, "q": {text}, "start": {stamp(r.From)}, "end": {stamp(r.To)}}.Encode(), patternScore})
}

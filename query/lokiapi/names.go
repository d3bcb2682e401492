package lokiapi

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/drain"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/query/timetext"
)

const sixHours = 6 * time.Hour

func success(data any) ([]byte, error) {
	return document(map[string]any{"status": "success", "data": data})
}

func (a *api) labels(r *http.Request, form url.Values) ([]byte, error) {
	from, to, err := a.rangeParams(form, sixHours)
	if err != nil {
		return nil, err
	}
	l, err := logParam(form, "query")
	if err != nil {
		return nil, err
	}
	names, err := a.Engine.Labels(r.Context(), tenantOf(r), l, from, to)
	if err != nil {
		return nil, err
	}
	return success(names)
}

func (a *api) values(r *http.Request, form url.Values) ([]byte, error) {
	from, to, err := a.rangeParams(form, sixHours)
	if err != nil {
		return nil, err
	}
	l, err := logParam(form, "query")
	if err != nil {
		return nil, err
	}
	values, err := a.Engine.Values(r.Context(), tenantOf(r), r.PathValue("name"), l, from, to)
	if err != nil {
		return nil, err
	}
	if values == nil {
		values = []string{}
	}
	return success(values)
}

func (a *api) series(r *http.Request, form url.Values) ([]byte, error) {
	from, to, err := a.rangeParams(form, sixHours)
	if err != nil {
		return nil, err
	}
	matches := slices.Concat(form["match[]"], form["match"])
	if len(matches) == 0 {
		matches = []string{"{}"}
	}
	out, seen := []map[string]string{}, map[string]bool{}
	for _, text := range matches {
		matchers, err := logql.ParseSelector(text)
		if err != nil {
			return nil, err
		}
		found, _, err := a.Engine.Streams(r.Context(), tenantOf(r), &logql.Log{Matchers: matchers}, from, to)
		if err != nil {
			return nil, err
		}
		for _, s := range found {
			if k := logpipe.Text(s.Labels); !seen[k] {
				seen[k] = true
				out = append(out, labelMap(s.Labels))
			}
		}
	}
	return success(out)
}

func labelMap(list []logpipe.Label) map[string]string {
	m := make(map[string]string, len(list))
	for _, l := range list {
		m[l.Name] = l.Value
	}
	return m
}

// selection is the streams and the time a request is about; a range that is not
// given ends now and is as long as since.
func (a *api) selection(form url.Values, since time.Duration) (l *logql.Log, from, to time.Time, err error) {
	if from, to, err = a.rangeParams(form, since); err != nil {
		return nil, from, to, err
	}
	l, err = selectorParam(form)
	return l, from, to, err
}

func (a *api) indexStats(r *http.Request, form url.Values) ([]byte, error) {
	l, from, to, err := a.selection(form, sixHours)
	if err != nil {
		return nil, err
	}
	found, _, err := a.Engine.Streams(r.Context(), tenantOf(r), l, from, to)
	if err != nil {
		return nil, err
	}
	var bytes, entries uint64
	for _, s := range found {
		bytes, entries = bytes+s.Bytes, entries+s.Lines
	}
	return document(map[string]uint64{"streams": uint64(len(found)), "chunks": uint64(len(found)), "bytes": bytes, "entries": entries})
}

// volumeQuery reads what both volumes have in common.
func (a *api) volumeQuery(form url.Values) (l *logql.Log, by []string, from, to time.Time, limit int, err error) {
	if l, from, to, err = a.selection(form, sixHours); err != nil {
		return l, by, from, to, limit, err
	}
	limit, err = numberParam(form, []string{"limit"}, defaultLimit, a.Engine.Limits.MaxSeries)
	for name := range strings.SplitSeq(form.Get("targetLabels"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			by = append(by, name)
		}
	}
	for _, m := range l.Matchers {
		if len(by) == 0 || form.Get("targetLabels") == "" && !slices.Contains(by, m.Name) {
			by = append(by, m.Name)
		}
	}
	if len(by) == 0 {
		by = []string{logpipe.ServiceName}
	}
	return l, by, from, to, limit, err
}

func (a *api) volume(r *http.Request, form url.Values) ([]byte, error) {
	l, by, from, to, limit, err := a.volumeQuery(form)
	if err != nil {
		return nil, err
	}
	s, err := a.Engine.Volume(r.Context(), tenantOf(r), l, by, from, to, 0)
	if err != nil {
		return nil, err
	}
	if form.Get("aggregateBy") == "labels" {
		byLabel(s, by)
	}
	slices.SortStableFunc(s.Series, func(a, b *logexec.Series) int { return cmp.Compare(b.Values[0], a.Values[0]) })
	s.Series = s.Series[:min(limit, len(s.Series))]
	return samplesAnswer(s, false, form), nil
}

func (a *api) volumeRange(r *http.Request, form url.Values) ([]byte, error) {
	l, by, from, to, limit, err := a.volumeQuery(form)
	if err != nil {
		return nil, err
	}
	step, err := fault.Optional(form, "step", defaultStep(from, to), timetext.Positive)
	if err != nil {
		return nil, err
	}
	s, err := a.Engine.Volume(r.Context(), tenantOf(r), l, by, from, to, step)
	if err != nil {
		return nil, err
	}
	if form.Get("aggregateBy") == "labels" {
		byLabel(s, by)
	}
	total := func(one *logexec.Series) (sum float64) {
		for _, v := range one.Values {
			sum += v
		}
		return sum
	}
	slices.SortStableFunc(s.Series, func(a, b *logexec.Series) int { return cmp.Compare(total(b), total(a)) })
	s.Series = s.Series[:min(limit, len(s.Series))]
	return samplesAnswer(s, true, form), nil
}

// byLabel makes of series by labels one for each label, of what has it.
func byLabel(s *logexec.Samples, by []string) {
	var out []*logexec.Series
	for _, name := range by {
		one := &logexec.Series{Labels: []logpipe.Label{{Name: name}}, Values: make([]float64, s.Steps), Has: make([]bool, s.Steps)}
		for _, in := range s.Series {
			if !slices.ContainsFunc(in.Labels, func(l logpipe.Label) bool { return l.Name == name }) {
				continue
			}
			for i, has := range in.Has {
				if has {
					one.Values[i], one.Has[i] = one.Values[i]+in.Values[i], true
				}
			}
		}
		if slices.Contains(one.Has, true) {
			out = append(out, one)
		}
	}
	s.Series = out
}

// maxMined bounds the lines that patterns are looked for in.
const maxMined = 200_000

func (a *api) patterns(r *http.Request, form url.Values) ([]byte, error) {
	l, from, to, err := a.selection(form, hour)
	if err != nil {
		return nil, err
	}
	step, err := fault.Optional(form, "step", max(10*time.Second, defaultStep(from, to)), timetext.Positive)
	if err != nil {
		return nil, err
	}
	var m drain.Miner
	counts := map[*drain.Cluster]map[int64]int{}
	_, err = a.Engine.Texts(r.Context(), tenantOf(r), l, from, to, maxMined, func(at int64, line string) {
		c := m.Add(line)
		if c == nil {
			return
		}
		if counts[c] == nil {
			counts[c] = map[int64]int{}
		}
		counts[c][at-at%int64(step)]++
	})
	if err != nil {
		return nil, err
	}
	type pattern struct {
		Pattern string     `json:"pattern"`
		Level   string     `json:"level"`
		Samples [][2]int64 `json:"samples"`
	}
	out := []pattern{}
	clusters := slices.Clone(m.Clusters())
	slices.SortStableFunc(clusters, func(a, b *drain.Cluster) int { return cmp.Compare(b.Count, a.Count) })
	for _, c := range clusters {
		p := pattern{Pattern: c.Pattern(), Samples: [][2]int64{}}
		for _, at := range slices.Sorted(maps.Keys(counts[c])) {
			p.Samples = append(p.Samples, [2]int64{at / int64(time.Second), int64(counts[c][at])})
		}
		out = append(out, p)
	}
	return success(out)
}

func (a *api) detectedLabels(r *http.Request, form url.Values) ([]byte, error) {
	l, from, to, err := a.selection(form, hour)
	if err != nil {
		return nil, err
	}
	found, _, err := a.Engine.Streams(r.Context(), tenantOf(r), l, from, to)
	if err != nil {
		return nil, err
	}
	values := map[string]map[string]bool{}
	for _, s := range found {
		for _, label := range s.Labels {
			if values[label.Name] == nil {
				values[label.Name] = map[string]bool{}
			}
			values[label.Name][label.Value] = true
		}
	}
	type detected struct {
		Label       string `json:"label"`
		Cardinality int    `json:"cardinality"`
	}
	out := []detected{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		out = append(out, detected{name, len(values[name])})
	}
	return document(map[string]any{"detectedLabels": out})
}

// fields looks for fields in as many lines as line_limit says.
func (a *api) fields(r *http.Request, form url.Values) ([]logexec.Field, error) {
	l, from, to, err := a.selection(form, hour)
	if err != nil {
		return nil, err
	}
	most, err := numberParam(form, []string{"line_limit"}, 1000, a.Engine.Limits.MaxLines)
	if err != nil {
		return nil, err
	}
	return a.Engine.Fields(r.Context(), tenantOf(r), l, logexec.Window{From: from, To: to, Limit: most})
}

func (a *api) detectedFields(r *http.Request, form url.Values) ([]byte, error) {
	limit, err := numberParam(form, []string{"limit", "field_limit"}, 1000, a.Engine.Limits.MaxNames)
	if err != nil {
		return nil, err
	}
	found, err := a.fields(r, form)
	if err != nil {
		return nil, err
	}
	type field struct {
		Label       string   `json:"label"`
		Type        string   `json:"type"`
		Cardinality int      `json:"cardinality"`
		Parsers     []string `json:"parsers"`
	}
	out := []field{}
	for _, f := range found[:min(limit, len(found))] {
		out = append(out, field{f.Name, f.Type, f.Count, f.Parsers})
	}
	return document(map[string]any{"fields": out, "limit": limit})
}

func (a *api) detectedValues(r *http.Request, form url.Values) ([]byte, error) {
	limit, err := numberParam(form, []string{"limit", "field_limit"}, 1000, a.Engine.Limits.MaxNames)
	if err != nil {
		return nil, err
	}
	found, err := a.fields(r, form)
	if err != nil {
		return nil, err
	}
	values := []string{}
	for _, f := range found {
		if f.Name == r.PathValue("name") {
			values = f.Values[:min(limit, len(f.Values))]
		}
	}
	return document(map[string]any{"values": values, "limit": limit})
}

package tempoapi

import (
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/timetext"
	"github.com/trefoil-o11y/trefoil/query/traceexec"
	"github.com/trefoil-o11y/trefoil/query/traceql"
)

type (
	sampleJSON struct {
		Time  string  `json:"timestampMs"`
		Value float64 `json:"value"`
	}
	exemplarJSON struct {
		Labels []keyValue `json:"labels"`
		Value  float64    `json:"value"`
		Time   string     `json:"timestampMs"`
	}
	seriesJSON struct {
		Labels     []keyValue     `json:"labels"`
		Samples    []sampleJSON   `json:"samples,omitempty"`
		Value      *float64       `json:"value,omitempty"`
		PromLabels string         `json:"promLabels"`
		Exemplars  []exemplarJSON `json:"exemplars,omitempty"`
	}
	seriesSetJSON struct {
		Series  []seriesJSON `json:"series"`
		Metrics metricsJSON  `json:"metrics"`
	}
)

// points is about how many points a range has whose step is not given.
const points = 120

// maxExemplars bounds the exemplars of an answer.
const (
	defaultExemplars = 100
	maxExemplars     = 10_000
)

func metricsQuery(form url.Values) (*traceql.Query, error) {
	text := form.Get("q")
	if text == "" {
		text = form.Get("query")
	}
	if text == "" {
		return nil, fault.Param("q", errors.New("is empty"))
	}
	return traceexec.Parse(text)
}

// metricsRange evaluates on a grid of multiples of the step, as far as it
// covers the range.
func (a *api) metricsRange(w http.ResponseWriter, r *http.Request) error {
	form := r.URL.Query()
	q, err := metricsQuery(form)
	if err != nil {
		return err
	}
	start, end, err := a.window(form)
	if err != nil {
		return err
	}
	step, err := fault.Optional(form, "step", max((end.Sub(start)/points).Truncate(time.Second), time.Second), timetext.Positive)
	if err != nil {
		return err
	}
	exemplars, err := number(form, "exemplars", defaultExemplars, maxExemplars)
	if err != nil {
		return err
	}
	if v, ok := q.Hint("exemplars"); ok && v.Type == traceql.TypeBool && v.Int == 0 {
		exemplars = 0
	}
	width := int64(step)
	first := start.UnixNano()/width*width + width
	last := (end.UnixNano() + width - 1) / width * width
	set, err := a.Engine.Metrics(r.Context(), tenantOf(r), q, traceexec.Grid{First: first, Step: width, N: int((last-first)/width) + 1}, exemplars)
	if err != nil {
		return err
	}
	body := seriesSetJSON{Series: []seriesJSON{}, Metrics: metricsOf(set.Stats)}
	for i := range set.Series {
		s := &set.Series[i]
		out := seriesOf(s)
		for p, v := range s.Values {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				out.Samples = append(out.Samples, sampleJSON{millis(set.Grid.Time(p)), v})
			}
		}
		for _, e := range s.Exemplars {
			out.Exemplars = append(out.Exemplars, exemplarJSON{
				Labels: []keyValue{
					{"trace:id", map[string]any{"stringValue": hex.EncodeToString(e.TraceID[:])}},
					{"span:id", map[string]any{"stringValue": hex.EncodeToString(e.SpanID[:])}},
				},
				Value: e.Value, Time: millis(e.Time),
			})
		}
		body.Series = append(body.Series, out)
	}
	return writeJSON(w, body)
}

func millis(ns int64) string { return strconv.FormatInt(ns/int64(time.Millisecond), 10) }

// metricsInstant has one value for the whole range.
func (a *api) metricsInstant(w http.ResponseWriter, r *http.Request) error {
	form := r.URL.Query()
	q, err := metricsQuery(form)
	if err != nil {
		return err
	}
	start, end, err := a.window(form)
	if err != nil {
		return err
	}
	set, err := a.Engine.Metrics(r.Context(), tenantOf(r), q, traceexec.Grid{First: end.UnixNano(), Step: max(int64(end.Sub(start)), 1), N: 1}, 0)
	if err != nil {
		return err
	}
	body := seriesSetJSON{Series: []seriesJSON{}, Metrics: metricsOf(set.Stats)}
	for i := range set.Series {
		s := &set.Series[i]
		out := seriesOf(s)
		if v := s.Values[0]; !math.IsNaN(v) && !math.IsInf(v, 0) {
			out.Value = &v
			body.Series = append(body.Series, out)
		}
	}
	return writeJSON(w, body)
}

func seriesOf(s *traceexec.Series) seriesJSON {
	out := seriesJSON{Labels: []keyValue{}}
	var prom []string
	for _, l := range s.Labels {
		out.Labels = append(out.Labels, keyValue{l.Key, value(l.Value)})
		key := l.Key
		if strings.ContainsFunc(key, func(r rune) bool { return r != '_' && (r < '0' || r > 'z' || r > '9' && r < 'A' || r > 'Z' && r < 'a') }) {
			key = strconv.Quote(key)
		}
		prom = append(prom, key+"="+strconv.Quote(l.Value.Text()))
	}
	out.PromLabels = "{" + strings.Join(prom, ", ") + "}"
	return out
}

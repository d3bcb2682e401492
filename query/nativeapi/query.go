package nativeapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/metricexec"
	"github.com/trefoil-o11y/trefoil/query/nativearrow"
	"github.com/trefoil-o11y/trefoil/query/nativejson"
	"github.com/trefoil-o11y/trefoil/query/nativeparam"
	"github.com/trefoil-o11y/trefoil/query/timetext"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// queryRequest is the body of POST /api/v1/query.
type queryRequest struct {
	Language string              `json:"language"`
	Query    string              `json:"query"`
	Start    *nativeparam.Scalar `json:"start"`
	End      *nativeparam.Scalar `json:"end"`
	Step     *nativeparam.Scalar `json:"step"`
	Instant  bool                `json:"instant"`
	Limit    int                 `json:"limit"`
	Explain  bool                `json:"explain"`
	// SharedTimes leaves times out of an Arrow answer where they are those of the
	// series before.
	SharedTimes bool `json:"shared_times"`
	// MaxSourceResolution is how long the buckets of rollups may be that windows are moved to, 0 for samples only.
	MaxSourceResolution string `json:"max_source_resolution"`
}

// metricQuery is a query that has been read.
type metricQuery struct {
	language   string // empty is PromQL
	expr       string
	start, end time.Time
	step       time.Duration // 0 is instant, at end
	limit      int           // of series; 0 is none
	explain    bool
	// sharedTimes is whether an Arrow answer says equal times once.
	sharedTimes bool
	resolution  string
}

// decodeQuery reads a query body.
func decodeQuery(body io.Reader, now time.Time) (metricQuery, error) {
	var req queryRequest
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&req); err != nil {
		return metricQuery{}, nativeparam.BodyError(err)
	}
	if d.More() {
		return metricQuery{}, &fault.Error{Code: fault.BadQuery, Message: "request body: more than one JSON value"}
	}
	if req.Query == "" {
		return metricQuery{}, fault.Param("query", errors.New("is empty"))
	}
	if req.Limit < 0 {
		return metricQuery{}, fault.Param("limit", errors.New("is negative"))
	}
	q := metricQuery{language: req.Language, expr: req.Query, limit: req.Limit, explain: req.Explain, sharedTimes: req.SharedTimes, resolution: req.MaxSourceResolution}
	return q, q.times(&req, now)
}

// points is about how many points a range has whose step is not given.
const points = 250

func (q *metricQuery) times(req *queryRequest, now time.Time) (err error) {
	q.end = now
	if req.End != nil {
		if q.end, err = timetext.Time(string(*req.End)); err != nil {
			return fault.Param("end", err)
		}
	}
	q.start = q.end.Add(-time.Hour)
	if req.Start != nil {
		if q.start, err = timetext.Time(string(*req.Start)); err != nil {
			return fault.Param("start", err)
		}
	}
	if req.Instant {
		return nil
	}
	if q.end.Before(q.start) {
		return fault.Param("end", errors.New("is before start"))
	}
	q.step = max(time.Second, (q.end.Sub(q.start) / points).Truncate(time.Second))
	if req.Step != nil {
		if q.step, err = timetext.Positive(string(*req.Step)); err != nil {
			return fault.Param("step", err)
		}
	}
	return nil
}

func (a *api) query(w http.ResponseWriter, r *http.Request) error {
	if _, err := nativeparam.Form(r); err != nil {
		return err
	}
	q, err := decodeQuery(http.MaxBytesReader(w, r.Body, nativeparam.MaxBody), a.Now())
	if err != nil {
		return err
	}
	language, err := a.Languages.Find(q.language)
	if err != nil {
		return err
	}
	ctx, err := metricexec.WithSourceResolution(r.Context(), q.resolution)
	if err != nil {
		return err
	}
	explain := &explainer{wanted: q.explain}
	if q.explain {
		if nativearrow.Wanted(r) {
			return fault.Param("explain", errors.New("goes with an answer in JSON only"))
		}
		ctx = conn.Traced(ctx, explain.Note)
	}
	var res *metricexec.Result
	if q.step == 0 {
		res, err = language.Instant(ctx, tenantOf(r), q.expr, q.end)
	} else {
		res, err = language.Range(ctx, tenantOf(r), q.expr, q.start, q.end, q.step)
	}
	if err != nil {
		return err
	}
	defer res.Close()
	m, err := matrixOf(res)
	if err != nil {
		return err
	}
	warnings, infos := res.Annotations.AsStrings(q.expr, 10, 10)
	warnings = append(nativejson.Filled(warnings), infos...)
	if q.limit > 0 && len(m) > q.limit {
		warnings = append(warnings, fmt.Sprintf("%d of %d series: results truncated due to limit", q.limit, len(m)))
		m = m[:q.limit]
	}
	if nativearrow.Wanted(r) {
		return nativearrow.Writer{Logger: a.Logger}.Metrics(w, m, warnings, q.sharedTimes)
	}
	plan := strings.Split(strings.TrimSuffix(res.Explain().Plan, "\n"), "\n")
	return nativejson.WriteMetrics(w, m, warnings, res.Stats, explain.as(plan))
}

// matrixOf makes one shape of all results but strings.
func matrixOf(res *metricexec.Result) (promql.Matrix, error) {
	switch v := res.Value.(type) {
	case promql.Matrix:
		return v, nil
	case promql.Vector:
		m := make(promql.Matrix, len(v))
		for i, s := range v {
			m[i].Metric = s.Metric
			if s.H != nil {
				m[i].Histograms = []promql.HPoint{{T: s.T, H: s.H}}
			} else {
				m[i].Floats = []promql.FPoint{{T: s.T, F: s.F}}
			}
		}
		return m, nil
	case promql.Scalar:
		return promql.Matrix{{Metric: labels.EmptyLabels(), Floats: []promql.FPoint{{T: v.T, F: v.V}}}}, nil
	}
	return nil, &fault.Error{Code: fault.BadQuery, Param: "query", Message: fmt.Sprintf("is of type %s, which is no metric", res.Value.Type())}
}

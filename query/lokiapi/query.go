package lokiapi

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/query/timetext"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
)

const (
	defaultLimit = 100
	hour         = time.Hour
)

// categorized is whether the client wants labels by source.
func categorized(r *http.Request) bool {
	for flag := range strings.SplitSeq(r.Header.Get("X-Loki-Response-Encoding-Flags"), ",") {
		if strings.TrimSpace(flag) == "categorize-labels" {
			return true
		}
	}
	return false
}

func (a *api) query(r *http.Request, form url.Values) ([]byte, error) {
	e, err := logql.Parse(form.Get("query"))
	if err != nil {
		return nil, err
	}
	m, ok := e.(logql.Metric)
	if !ok {
		return nil, &fault.Error{Code: fault.BadQuery, Message: "log queries are not supported as an instant query type, please change your query to a range query type"}
	}
	at, err := fault.Optional(form, "time", a.Now(), timetext.TimeOrNanos)
	if err != nil {
		return nil, err
	}
	s, err := a.Engine.Instant(r.Context(), tenantOf(r), m, at)
	if err != nil {
		return nil, err
	}
	return samplesAnswer(s, false, form), nil
}

func samplesAnswer(s *logexec.Samples, matrix bool, form url.Values) []byte {
	b := appendSamples([]byte(`{"status":"success","data":{`), s, matrix)
	b = append(b, `,"stats":`...)
	b = appendStats(b, s.Stats)
	return append(appendExplanation(b, form, s.Stats), `}}`...)
}

func (a *api) queryRange(r *http.Request, form url.Values) ([]byte, error) {
	e, err := logql.Parse(form.Get("query"))
	if err != nil {
		return nil, err
	}
	from, to, err := a.rangeParams(form, hour)
	if err != nil {
		return nil, err
	}
	if l, ok := e.(*logql.Log); ok {
		return a.lines(r, form, l, from, to)
	}
	step, err := fault.Optional(form, "step", defaultStep(from, to), timetext.Positive)
	if err != nil {
		return nil, err
	}
	s, err := a.Engine.Range(r.Context(), tenantOf(r), e.(logql.Metric), from, to, step)
	if err != nil {
		return nil, err
	}
	return samplesAnswer(s, true, form), nil
}

func (a *api) lines(r *http.Request, form url.Values, l *logql.Log, from, to time.Time) ([]byte, error) {
	w, err := a.window(form, from, to)
	if err != nil {
		return nil, err
	}
	interval, err := fault.Optional(form, "interval", 0, timetext.Positive)
	if err != nil {
		return nil, err
	}
	res, err := a.Engine.Lines(r.Context(), tenantOf(r), l, w)
	if err != nil {
		return nil, err
	}
	lines := thin(res.Lines, interval)
	b := []byte(`{"status":"success","data":{"resultType":"streams",`)
	if categorized(r) {
		// Before the result: Grafana reads an answer once, front to back.
		b = append(b, `"encodingFlags":["categorize-labels"],`...)
	}
	b = appendStreams(append(b, `"result":`...), lines, categorized(r))
	if res.More != nil {
		// Beyond Loki: where the next page begins, exact among lines of one time.
		b = append(b, `,"cursor":"`+formatCursor(*res.More)+`"`...)
	}
	b = append(b, `,"stats":`...)
	b = appendStats(b, res.Stats)
	return append(appendExplanation(b, form, res.Stats), `}}`...), nil
}

// window reads limit, direction and cursor.
func (a *api) window(form url.Values, from, to time.Time) (logexec.Window, error) {
	w := logexec.Window{From: from, To: to}
	var err error
	if w.Limit, err = numberParam(form, []string{"limit"}, defaultLimit, a.Engine.Limits.MaxLines); err != nil {
		return w, err
	}
	switch d := strings.ToLower(form.Get("direction")); d {
	case "", "backward":
	case "forward":
		w.Forward = true
	default:
		return w, fault.Param("direction", errors.New("must be forward or backward"))
	}
	if s := form.Get("cursor"); s != "" {
		if w.After, err = parseCursor(s); err != nil {
			return w, fault.Param("cursor", err)
		}
	}
	return w, nil
}

func formatCursor(c logstore.Cursor) string {
	return strconv.FormatInt(c.Time, 10) + "-" + strconv.FormatUint(c.ID, 10)
}

func parseCursor(s string) (*logstore.Cursor, error) {
	at, id, ok := strings.Cut(s, "-")
	t, err1 := strconv.ParseInt(at, 10, 64)
	n, err2 := strconv.ParseUint(id, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return nil, errors.New("is not a cursor that an answer gave")
	}
	return &logstore.Cursor{Time: t, ID: n}, nil
}

// thin keeps of each stream the lines that are at least an interval apart.
func thin(lines []logexec.Line, interval time.Duration) []logexec.Line {
	if interval <= 0 {
		return lines
	}
	var out []logexec.Line
	for _, l := range lines {
		if len(out) > 0 {
			apart := l.Time - out[len(out)-1].Time
			if max(apart, -apart) < int64(interval) {
				continue
			}
		}
		out = append(out, l)
	}
	return out
}

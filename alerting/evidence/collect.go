package evidence

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/trefoil-o11y/trefoil/query/language"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Bounds of what one page shows.
const (
	maxTraces    = 3
	maxLogs      = 5
	maxLineBytes = 300
	maxDeltas    = 5
	window       = 5 * time.Minute // before the alert, in which is looked
	before       = time.Hour       // before that, with which is compared
	warning      = 13              // OTLP's severity number of WARN
)

// Sections of evidence; each is the annotation evidence_<section>.
const (
	Value   = "value"
	Query   = "query"
	API     = "api"
	Grafana = "grafana"
	Traces  = "traces"
	Logs    = "logs"
	Deltas  = "deltas"
)

// Prefix begins the names of the annotations.
const Prefix = "evidence_"

// Config of a Collector.
type Config struct {
	// Exemplars finds the exemplars of an expression's series, as
	// metricexec.Engine.Exemplars does; nil: none are looked for.
	Exemplars func(ctx context.Context, t tenant.ID, expr string, from, to time.Time, limit int) ([]exemplar.QueryResult, error)
	// Logs reads log records; nil: none are looked for.
	Logs *logstore.Store
	// ExternalURL is where people reach the API; GrafanaURL where they reach
	// Grafana, empty if nowhere, and GrafanaDatasource the uid of a Prometheus
	// data source there.
	ExternalURL, GrafanaURL, GrafanaDatasource string
	// Budget bounds one collection. Default 2s.
	Budget time.Duration
}

// Collector gathers evidence. It is safe for concurrent use.
type Collector struct{ cfg Config }

// New makes a collector.
func New(cfg Config) *Collector {
	if cfg.Budget <= 0 {
		cfg.Budget = 2 * time.Second
	}
	return &Collector{cfg}
}

// Alert is what evidence is wanted of.
type Alert struct {
	Tenant         tenant.ID
	Language, Expr string
	// Labels are those of the guilty series, without the rule's own.
	Labels labels.Labels
	Value  float64
	At     time.Time
	// Sections are wanted; nil is all.
	Sections []string
}

func (a *Alert) wants(section string) bool {
	return a.Sections == nil || slices.Contains(a.Sections, section)
}

// Collect answers annotations. It returns within the budget, with what it has.
func (c *Collector) Collect(ctx context.Context, a Alert) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Budget)
	defer cancel()
	var mu sync.Mutex
	out := map[string]string{}
	add := func(section, text string) {
		mu.Lock()
		defer mu.Unlock()
		if text != "" && a.wants(section) && ctx.Err() == nil {
			out[Prefix+section] = text
		}
	}
	add(Value, strconv.FormatFloat(a.Value, 'g', 6, 64))
	add(Query, a.Expr)
	add(API, c.apiLink(&a))
	add(Grafana, c.grafanaLink(&a))

	of := service(a.Labels)
	guilty := sync.OnceValue(func() []attrcol.Matcher { return c.narrow(ctx, &a, of) })
	var traces []string // by exemplars first, then by logs
	var fromLogs []string
	var wg sync.WaitGroup
	wg.Go(func() { traces = c.exemplars(ctx, &a) })
	wg.Go(func() {
		rows := c.logs(ctx, &a, of, guilty)
		add(Logs, printLogs(rows))
		fromLogs = tracesOf(rows)
	})
	wg.Go(func() { add(Deltas, c.deltas(ctx, &a, of, guilty)) })
	done := make(chan struct{})
	go func() {
		wg.Wait()
		add(Traces, c.printTraces(append(traces, fromLogs...)))
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	mu.Lock()
	defer mu.Unlock()
	kept := make(map[string]string, len(out))
	for name, text := range out {
		kept[name] = text
	}
	return kept
}

func (c *Collector) apiLink(a *Alert) string {
	if c.cfg.ExternalURL == "" {
		return ""
	}
	path := language.QueryPath(a.Language, a.Expr, a.At)
	if path == "" {
		return ""
	}
	return strings.TrimSuffix(c.cfg.ExternalURL, "/") + path
}

// exemplars answers trace IDs of the guilty series, the latest first.
func (c *Collector) exemplars(ctx context.Context, a *Alert) []string {
	if c.cfg.Exemplars == nil || a.Language != "promql" || !a.wants(Traces) {
		return nil
	}
	found, err := c.cfg.Exemplars(ctx, a.Tenant, a.Expr, a.At.Add(-window), a.At, 100)
	if err != nil {
		return nil
	}
	var all []exemplar.Exemplar
	for _, series := range found {
		if guilty(series.SeriesLabels, a.Labels) {
			all = append(all, series.Exemplars...)
		}
	}
	slices.SortFunc(all, func(x, y exemplar.Exemplar) int { return int(y.Ts - x.Ts) })
	var out []string
	for _, e := range all {
		if id := e.Labels.Get("trace_id"); id != "" {
			out = append(out, id)
		}
	}
	return out
}

// guilty says whether a series can be behind an alert: it differs in no label
// that both have.
func guilty(series, alert labels.Labels) bool {
	same := true
	alert.Range(func(l labels.Label) {
		if v := series.Get(l.Name); l.Name != model.MetricNameLabel && v != "" && v != l.Value {
			same = false
		}
	})
	return same
}

func (c *Collector) printTraces(ids []string) string {
	var lines []string
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] || len(lines) == maxTraces {
			continue
		}
		seen[id] = true
		line := id
		if c.cfg.ExternalURL != "" {
			line += " " + strings.TrimSuffix(c.cfg.ExternalURL, "/") + "/api/v1/traces/" + id + "/context"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// service is the service an alert is about; empty if it does not say.
func service(ls labels.Labels) string {
	for _, name := range []string{"service_name", "service.name", "service"} {
		if v := ls.Get(name); v != "" {
			return v
		}
	}
	job := ls.Get("job") // `namespace/name`, as OpenTelemetry makes it
	return job[strings.LastIndexByte(job, '/')+1:]
}

// logs answers the newest log records of the guilty series, of its service if
// there are none: warnings and worse, or anything.
func (c *Collector) logs(ctx context.Context, a *Alert, of string, guilty func() []attrcol.Matcher) []logstore.Row {
	if c.cfg.Logs == nil || of == "" || !a.wants(Logs) && !a.wants(Traces) {
		return nil
	}
	series := guilty()
	for _, conditions := range [][]attrcol.Matcher{series, nil} {
		for _, severity := range []uint8{warning, 0} {
			found, err := c.cfg.Logs.Select(ctx, a.Tenant, logstore.Filter{
				From: a.At.Add(-window), To: a.At.Add(time.Second), Services: []string{of}, MinSeverity: severity, Attributes: conditions,
			}, logstore.Page{Limit: maxLogs})
			if err != nil || len(found.Rows) > 0 {
				return found.Rows
			}
		}
		if len(series) == 0 {
			return nil
		}
	}
	return nil
}

func printLogs(rows []logstore.Row) string {
	var lines []string
	for i := range rows {
		r := &rows[i]
		severity := r.SeverityText
		if severity == "" {
			severity = "-"
		}
		at := time.Unix(0, r.Time).UTC().Format("15:04:05.000")
		lines = append(lines, cut(fmt.Sprintf("%s %s %s: %s", at, severity, r.Service, oneLine(r.Body.Text()))))
	}
	return strings.Join(lines, "\n")
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// cut bounds a line without breaking a character.
func cut(line string) string {
	if len(line) <= maxLineBytes {
		return line
	}
	end := maxLineBytes
	for end > 0 && !utf8.RuneStart(line[end]) {
		end--
	}
	return line[:end] + "…"
}

func tracesOf(rows []logstore.Row) []string {
	var out []string
	for i := range rows {
		if id := rows[i].TraceID; id != [16]byte{} {
			out = append(out, hex.EncodeToString(id[:]))
		}
	}
	return out
}

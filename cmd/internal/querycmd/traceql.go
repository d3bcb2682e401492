package querycmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/cmd/internal/nativeclient"
	"github.com/trefoil-o11y/trefoil/cmd/internal/termview"
	"github.com/trefoil-o11y/trefoil/query/joinql"
	"github.com/trefoil-o11y/trefoil/query/traceql"
)

// TraceQL is the command query traceql.
func TraceQL(ctx context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "query traceql",
		Args:    "QUERY",
		Text: `
Finds traces, the newest first, or, for a query that ends in a metrics function such as rate(),
makes series of spans. A pipe to logs or exemplars goes on to what belongs to the same traces.`,
		Examples: []string{
			"trefoil query traceql '{ status = error && resource.service.name = \"payment\" }' --since 15m",
			"trefoil query traceql '{ name = \"POST /checkout\" } >> { duration > 1s }'",
			"trefoil query traceql '{ kind = server } | rate() by (resource.service.name)' --since 1h --step 1m",
			"trefoil query traceql '{ status = error } | logs |= \"timeout\" | by(resource.service.name)'",
		},
	})
	var a asking
	var w window
	var step time.Duration
	var limit int
	var explain bool
	w.declare(set, time.Hour, "")
	set.Duration(&step, "step", 0, "`time` between two points of series; 0 chooses one that gives about 120 points")
	set.Int(&limit, "limit", 20, "show at most so `many` traces, or records where the query goes on to them")
	set.Bool(&explain, "explain", false, "show how the query is answered as well, SQL included")
	a.declare(set)
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	if len(set.Args()) != 1 {
		return set.Errorf("want one query, got %d; quote it so that the shell passes it whole", len(set.Args()))
	}
	text := set.Args()[0]
	joined := joinql.Is(text)
	q, err := parseTraces(text, joined)
	if err != nil {
		return err
	}
	client, err := a.open(set)
	if err != nil {
		return err
	}
	start, end, err := w.resolve(set, time.Now())
	if err != nil {
		return err
	}
	if joined {
		found, err := client.Join(ctx, nativeclient.TraceQuery{Query: text, Start: start, End: end, Limit: limit, Explain: explain})
		if err != nil {
			return err
		}
		return a.show(found.Raw, func(s termview.Style) { termview.Joined(os.Stdout, s, found) })
	}
	if q.Metrics != nil {
		if explain {
			return set.Errorf("flag --explain: is for queries that find traces, not for series")
		}
		if step <= 0 {
			step = max(end.Sub(start)/120, time.Second).Round(time.Second)
		}
		m, err := client.Metrics(ctx, nativeclient.MetricQuery{Language: "traceql", Expression: text, Start: start, End: end, Step: step})
		if err != nil {
			return err
		}
		return a.show(m.Raw, func(s termview.Style) { termview.Metrics(os.Stdout, s, m) })
	}
	found, err := client.Traces(ctx, nativeclient.TraceQuery{Query: text, Start: start, End: end, Limit: limit, Explain: explain})
	if err != nil {
		return err
	}
	return a.show(found.Raw, func(s termview.Style) { termview.Traces(os.Stdout, s, found) })
}

// parseTraces shows mistakes without asking anybody; the query is nil where it
// is one over several signals.
func parseTraces(text string, joined bool) (*traceql.Query, error) {
	var q *traceql.Query
	var err error
	if joined {
		_, err = joinql.Parse(text)
	} else {
		q, err = traceql.Parse(text)
	}
	if e, ok := errors.AsType[*traceql.Error](err); ok {
		return nil, fmt.Errorf("%w\n  %s", e, strings.ReplaceAll(e.Caret(), "\n", "\n  "))
	}
	return q, err
}

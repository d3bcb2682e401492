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
	"github.com/trefoil-o11y/trefoil/query/logql"
)

// LogQL is the command query logql.
func LogQL(ctx context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "query logql",
		Args:    "QUERY",
		Text: `
Shows the newest lines a LogQL query selects, the oldest of them first, or, for a query of counts,
rates and the like, its series over the window.`,
		Examples: []string{
			"trefoil query logql '{service_name=\"payment\"} |= \"declined\" | logfmt | took > 1s' --since 15m",
			"trefoil query logql 'sum by (service_name) (count_over_time({detected_level=\"error\"}[1m]))' --since 1h",
		},
	})
	a := asking{arrow: true}
	var w window
	var step time.Duration
	var q nativeclient.LineQuery
	w.declare(set, time.Hour, "")
	set.Duration(&step, "step", 0, "`time` between two points of series; 0 chooses one that gives about 120 points")
	set.Int(&q.Limit, "limit", 50, "show at most so `many` lines")
	set.String(&q.Cursor, "cursor", "", "go on from this `place`, printed when there were more lines")
	a.declare(set)
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	if len(set.Args()) != 1 {
		return set.Errorf("want one query, got %d; quote it so that the shell passes it whole", len(set.Args()))
	}
	q.Query = set.Args()[0]
	expr, err := logql.Parse(q.Query)
	if e, ok := errors.AsType[*logql.ParseError](err); ok {
		return fmt.Errorf("%w\n  %s", e, strings.ReplaceAll(e.Caret(), "\n", "\n  "))
	}
	_, lines := expr.(*logql.Log)
	if lines && a.output == "arrow" {
		return set.Errorf("flag --output: arrow is for queries that give series; for records there is trefoil query logs -o arrow")
	}
	client, err := a.open(set)
	if err != nil {
		return err
	}
	if q.Start, q.End, err = w.resolve(set, time.Now()); err != nil {
		return err
	}
	if !lines {
		if step <= 0 {
			step = max(q.End.Sub(q.Start)/120, time.Second).Round(time.Second)
		}
		m, err := client.Metrics(ctx, nativeclient.MetricQuery{Language: "logql", Expression: q.Query, Start: q.Start, End: q.End, Step: step})
		if err != nil {
			return err
		}
		return a.show(m.Raw, func(s termview.Style) { termview.Metrics(os.Stdout, s, m) })
	}
	found, err := client.Lines(ctx, q)
	if err != nil {
		return err
	}
	return a.showRecords(found, true, "there are more lines")
}

package querycmd

import (
	"context"
	"os"
	"time"

	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/cmd/internal/nativeclient"
	"github.com/trefoil-o11y/trefoil/cmd/internal/termview"
)

// PromQL is the command query promql.
func PromQL(ctx context.Context, args []string) error {
	return metrics(ctx, "promql", args)
}

// MetricsQL is the command query metricsql.
func MetricsQL(ctx context.Context, args []string) error {
	return metrics(ctx, "metricsql", args)
}

func metrics(ctx context.Context, language string, args []string) error {
	set := flagset.New(flagset.About{
		Command: "query " + language,
		Args:    "EXPRESSION",
		Text: `
Evaluates a metric expression. Without --since, --start or --step it is evaluated once, at --end
(now); with one of them it is evaluated over the window, and each series is shown with its bounds
and shape.`,
		Examples: []string{
			"trefoil query " + language + " 'sum by (job) (rate(http_server_request_duration_seconds_count[5m]))'",
			"trefoil query " + language + " 'histogram_quantile(0.99, sum by (le) (rate(http_server_request_duration_seconds_bucket[5m])))' --since 1h",
		},
	})
	a := asking{arrow: true}
	var w window
	var step time.Duration
	var limit int
	w.declare(set, 0, "; 0 and no --start: evaluate once")
	set.Duration(&step, "step", 0, "`time` between two points of a range; 0 chooses one that gives about 120 points")
	set.Int(&limit, "limit", 0, "ask for at most so `many` series; 0: the server's own limit")
	a.declare(set)
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	if len(set.Args()) != 1 {
		return set.Errorf("want one expression, got %d; quote it so that the shell passes it whole", len(set.Args()))
	}
	client, err := a.open(set)
	if err != nil {
		return err
	}
	start, end, err := w.resolve(set, time.Now())
	if err != nil {
		return err
	}
	switch {
	case step > 0 && start.Equal(end):
		start = end.Add(-time.Hour)
	case step == 0 && start.Before(end):
		step = max(end.Sub(start)/120, time.Second).Round(time.Second)
	}
	query := nativeclient.MetricQuery{Language: language, Expression: set.Args()[0], Start: start, End: end, Step: step, Limit: limit}
	m, err := client.Metrics(ctx, query)
	if err != nil {
		return pointAt(err, query.Expression)
	}
	return a.show(m.Raw, func(s termview.Style) { termview.Metrics(os.Stdout, s, m) })
}

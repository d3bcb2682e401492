package querycmd

import (
	"context"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/cmd/internal/nativeclient"
)

// Logs is the command query logs.
func Logs(ctx context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "query logs",
		Args:    "[TEXT]",
		Text: `
Searches log records: those whose body contains TEXT (in either case) and that pass every other
flag. The newest --limit records are shown, the oldest of them first.`,
		Examples: []string{
			"trefoil query logs declined --service payment --severity error --since 15m",
			"trefoil query logs --attr http.route=/checkout --attr retry!=false",
			"trefoil query logs --trace-id 4bf92f3577b34da6a3ce929d0e0e4736",
		},
	})
	a := asking{arrow: true}
	var w window
	var q nativeclient.LogQuery
	set.Section("Choosing")
	set.String(&q.Service, "service", "", "records of this `service` only")
	set.String(&q.Severity, "severity", "", "records of this `level` or worse: trace, debug, info, warn, error or fatal")
	set.Strings(&q.Attributes, "attr", nil, "records whose attribute `key=value` matches, or, with key!=value, does not; may be repeated")
	set.String(&q.TraceID, "trace-id", "", "records that carry this trace `ID`")
	set.Int(&q.Limit, "limit", 50, "show at most so `many` records")
	set.String(&q.Cursor, "cursor", "", "go on from this `place`, printed when there was more")
	w.declare(set, time.Hour, "")
	a.declare(set)
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	q.Text = strings.Join(set.Args(), " ")
	q.Severity = strings.ToUpper(q.Severity)
	for _, attr := range q.Attributes {
		if !strings.Contains(attr, "=") {
			return set.Errorf("flag --attr: %q is not key=value or key!=value", attr)
		}
	}
	client, err := a.open(set)
	if err != nil {
		return err
	}
	if q.Start, q.End, err = w.resolve(set, time.Now()); err != nil {
		return err
	}
	logs, err := client.Logs(ctx, q)
	if err != nil {
		return err
	}
	return a.showRecords(logs, q.TraceID == "", "there are older records")
}

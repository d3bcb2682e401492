package correlate

import (
	"context"
	"sync"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
	"github.com/trefoil-o11y/trefoil/storage/tracestore"
)

// REDMargin is how far around a trace its services are looked at, REDStep the
// time of a row.
const (
	REDMargin = 15 * time.Minute
	REDStep   = time.Minute
)

const (
	nearby      = time.Second // around a trace, for records without its ID
	maxNearLogs = 100
	maxREDRows  = 10_000
)

// surroundings reads what went on around a trace, side by side. Without a trace
// there is nothing to go by.
func (c *Correlator) surroundings(ctx context.Context, t tenant.ID, trace *Trace, out *Context) {
	if trace == nil || len(trace.Services) == 0 {
		return
	}
	from, to := time.Unix(0, trace.Start), time.Unix(0, trace.End)
	out.REDFrom = from.Add(-REDMargin).Truncate(REDStep).UnixNano()
	var (
		wg     sync.WaitGroup
		logs   logstore.Result
		red    []tracestore.REDRow
		alerts []alertstore.Instance
		errs   [4]error
	)
	section := func(i int, read func(ctx context.Context) error) {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, c.Budget)
			defer cancel()
			errs[i] = read(ctx)
		})
	}
	section(0, func(ctx context.Context) (err error) {
		logs, err = c.Logs.Select(ctx, t, logstore.Filter{From: from.Add(-nearby), To: to.Add(nearby), Services: trace.Services, TraceID: new([16]byte)}, logstore.Page{Limit: maxNearLogs, Forward: true})
		return err
	})
	section(1, func(ctx context.Context) (err error) {
		red, _, err = c.Traces.RED(ctx, t, tracestore.RED{From: out.REDFrom, To: to.Add(REDMargin).UnixNano(), Step: int64(REDStep), Services: trace.Services, Limit: maxREDRows})
		return err
	})
	section(2, func(ctx context.Context) error { return c.firing(ctx, t, from, to, &alerts) })
	section(3, func(ctx context.Context) (err error) {
		out.Saturation, err = c.saturation(ctx, t, trace.Services, time.Unix(0, out.REDFrom), to.Add(REDMargin))
		return err
	})
	wg.Wait()
	for i, name := range []string{"near_logs", "red", "alerts", "saturation"} {
		if f := fault.Of(errs[i]); f != nil {
			out.Failures = append(out.Failures, Failure{name, f})
		}
	}
	if errs[0] == nil {
		out.NearLogs = &logs
	}
	out.RED, out.Alerts = red, alerts
}

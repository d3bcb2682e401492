package correlate

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Saturation is how full something of a service was: the greatest of its instances.
type Saturation struct {
	Metric, Service string
	Times           []int64 // Unix ms
	Values          []float64
}

// What tells how full a service is, by OpenTelemetry's names and, where they differ,
// those of Prometheus's clients. Shares are of 1 and not added up; of amounts, the
// parts (pools, states) of an instance are; totals rise, and are taken a second.
var (
	shares = []string{
		"process.cpu.utilization", "system.cpu.utilization", "jvm.cpu.recent_utilization", "jvm.system.cpu.utilization", "nodejs.eventloop.utilization",
		"system.memory.utilization", "process.memory.utilization", "system.filesystem.utilization", "system.paging.utilization",
		"k8s.pod.cpu_limit_utilization", "k8s.pod.memory_limit_utilization", "k8s.container.cpu_limit_utilization", "k8s.container.memory_limit_utilization",
	}
	amounts = []string{
		"process.memory.usage", "container.cpu.usage", "container.memory.usage", "k8s.pod.cpu.usage", "k8s.pod.memory.usage", "k8s.pod.memory.working_set", "system.memory.usage",
		"jvm.memory.used", "go.memory.used", "v8js.memory.heap.used", "dotnet.process.memory.working_set", "go.goroutine.count", "jvm.thread.count", "process.thread.count",
		"process.open_file_descriptor.count", "db.client.connection.count", "db.client.connection.pending_requests", "http.server.active_requests",
		"process_resident_memory_bytes", "process_open_fds", "go_goroutines",
	}
	totals = []string{"process.cpu.time", "process_cpu_seconds_total"} // one measure by two names
)

// unused are the parts that are free; a part may be called so by any of these labels.
const unused = `cpu_mode!~"idle|iowait",state!~"idle|free|cached|buffered",system_memory_state!~"free|cached|buffers",db_client_connection_state!="idle"`

// saturationQuery asks for all of them in one evaluation.
func saturationQuery(services []string) string {
	jobs := strconv.Quote("(?:.*/)?(?:" + anyOf(services) + ")")
	of := func(names []string) string {
		return fmt.Sprintf(`{__name__=~%s,job=~%s,%s}`, strconv.Quote(anyOf(names)), jobs, unused)
	}
	const by = `max by (__name__, job) (sum by (__name__, job, instance) (%s))`
	return strings.Join([]string{
		fmt.Sprintf(`max by (__name__, job) (sum by (__name__, job, instance, cpu_logical_number, cpu, system_device) (%s))`, of(shares)),
		fmt.Sprintf(by, of(amounts)),
		fmt.Sprintf(`label_replace(max by (job) (sum by (job, instance) (rate(%s[5m]))), "__name__", "process_cpu_time", "", "")`, of(totals)),
	}, " or ")
}

// anyOf is an expression that matches each of the texts.
func anyOf(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = regexp.QuoteMeta(text)
	}
	return strings.Join(quoted, "|")
}

// saturation reads how full services were, at the steps of RED.
func (c *Correlator) saturation(ctx context.Context, t tenant.ID, services []string, from, to time.Time) ([]Saturation, error) {
	if c.Series == nil {
		return nil, nil
	}
	res, err := c.Series(ctx, t, saturationQuery(services), from, to, REDStep)
	if err != nil {
		return nil, err
	}
	defer res.Close()
	matrix, ok := res.Value.(promql.Matrix)
	if !ok {
		return nil, fmt.Errorf("saturation: a %T", res.Value)
	}
	var list []Saturation
	for _, series := range matrix {
		s := Saturation{Metric: series.Metric.Get("__name__"), Service: serviceOf(map[string]string{"job": series.Metric.Get("job")})}
		for _, p := range series.Floats {
			s.Times, s.Values = append(s.Times, p.T), append(s.Values, p.F)
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Saturation) int {
		if c := slices.Index(services, a.Service) - slices.Index(services, b.Service); c != 0 {
			return c
		}
		return strings.Compare(a.Metric, b.Metric)
	})
	return list, nil
}

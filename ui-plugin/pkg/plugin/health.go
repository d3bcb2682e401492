package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

// healthTimeout is shorter than a query's: who presses "Save & test" is waiting.
const healthTimeout = 10 * time.Second

// healthDetails is shown below the message in Grafana.
type healthDetails struct {
	URL       string  `json:"url"`
	Tenant    string  `json:"tenant,omitempty"`
	Version   string  `json:"version,omitempty"`
	Engine    string  `json:"engine,omitempty"`
	LatencyMS float64 `json:"latencyMs,omitempty"`
	Problem   string  `json:"problem,omitempty"` // a trefoilclient.Class or "not_ready"
}

// CheckHealth asks Trefoil who it is and then for one answer as the configured
// tenant and user, since a status page alone does not prove that queries work.
func (d *Datasource) CheckHealth(ctx context.Context, _ *backend.CheckHealthRequest) (*backend.CheckHealthResult, error) {
	if d.broken != nil {
		return unhealthy(d.broken.Error(), healthDetails{Problem: string(trefoilclient.Misconfigured)})
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	details := healthDetails{URL: d.client.URL(), Tenant: d.client.Tenant()}
	status, err := d.client.Status(ctx)
	if err != nil {
		details.Problem = string(trefoilclient.ClassOf(err))
		return unhealthy(err.Error(), details)
	}
	details.Version, details.Engine = status.Version, status.Engine.Version
	details.LatencyMS = float64(status.Cost.Elapsed.Microseconds()) / 1000
	if !status.Ready {
		details.Problem = "not_ready"
		message := fmt.Sprintf("Trefoil %s is running but not ready: its engine is %s", status.Version, orUnknown(status.Engine.State))
		if why := status.Engine.Error; why != "" {
			message += " (" + why + ")"
		}
		return unhealthy(message, details)
	}
	now := time.Now()
	if _, err := d.client.Services(ctx, trefoilclient.NameQuery{Start: now.Add(-time.Hour), End: now}); err != nil {
		details.Problem = string(trefoilclient.ClassOf(err))
		return unhealthy(fmt.Sprintf("Trefoil %s is ready but a query fails: %v", status.Version, err), details)
	}
	return health(backend.HealthStatusOk, fmt.Sprintf("Trefoil %s is ready (engine %s), answered in %.1f ms",
		status.Version, orUnknown(status.Engine.Version), details.LatencyMS), details)
}

func unhealthy(message string, details healthDetails) (*backend.CheckHealthResult, error) {
	return health(backend.HealthStatusError, message, details)
}

func health(status backend.HealthStatus, message string, details healthDetails) (*backend.CheckHealthResult, error) {
	raw, err := json.Marshal(details)
	if err != nil {
		return nil, err
	}
	return &backend.CheckHealthResult{Status: status, Message: message, JSONDetails: raw}, nil
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/prometheus/common/model"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

// defaultScrapeInterval is the OpenTelemetry SDKs' export interval for metrics.
const defaultScrapeInterval = time.Minute

// settings is what an administrator fills in beyond the URL, basic authentication,
// TLS, headers and timeout, which the SDK reads itself.
type settings struct {
	Tenant           string `json:"tenant"`
	ScrapeInterval   string `json:"timeInterval"`
	MaxResponseMiB   int64  `json:"maxResponseMiB"`
	ForwardAuth      bool   `json:"oauthPassThru"`
	scrapeInterval   time.Duration
	bearerToken      string
	maxResponseBytes int64
}

func readSettings(s backend.DataSourceInstanceSettings) (settings, error) {
	out := settings{scrapeInterval: defaultScrapeInterval}
	if !s.BasicAuthEnabled { // both would claim the Authorization header
		out.bearerToken = s.DecryptedSecureJSONData["bearerToken"]
	}
	if len(s.JSONData) > 0 {
		if err := json.Unmarshal(s.JSONData, &out); err != nil {
			return out, fmt.Errorf("settings: %w", err)
		}
	}
	if out.ScrapeInterval != "" {
		d, err := model.ParseDuration(out.ScrapeInterval)
		if err != nil || d <= 0 {
			return out, fmt.Errorf("settings: scrape interval %q is no duration such as 15s", out.ScrapeInterval)
		}
		out.scrapeInterval = time.Duration(d)
	}
	if out.MaxResponseMiB < 0 || out.MaxResponseMiB > 1024 {
		return out, fmt.Errorf("settings: response limit %d is not between 1 and 1024 MiB", out.MaxResponseMiB)
	}
	out.maxResponseBytes = out.MaxResponseMiB << 20
	return out, nil
}

// newClient builds the HTTP client through the SDK, which brings TLS, basic
// authentication, custom headers, timeouts and tracing.
func newClient(ctx context.Context, s backend.DataSourceInstanceSettings, own settings) (*trefoilclient.Client, error) {
	opts, err := s.HTTPClientOptions(ctx)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	opts.ForwardHTTPHeaders = own.ForwardAuth
	client, err := httpclient.New(opts)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	return trefoilclient.New(trefoilclient.Config{
		URL:              s.URL,
		Tenant:           own.Tenant,
		BearerToken:      own.bearerToken,
		HTTP:             client,
		MaxResponseBytes: own.maxResponseBytes,
	})
}

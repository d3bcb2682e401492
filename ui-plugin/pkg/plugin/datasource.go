package plugin

import (
	"context"
	"errors"
	"net/http"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/datasource"
	"github.com/grafana/grafana-plugin-sdk-go/backend/instancemgmt"
	"github.com/grafana/grafana-plugin-sdk-go/backend/resource/httpadapter"
	"github.com/grafana/grafana-plugin-sdk-go/experimental/concurrent"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/bulkframe"
	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/frames"
	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/trefoilclient"
)

// ID is the plugin's, as plugin.json has it.
const ID = "trefoil-datasource"

// queriesAtOnce is how many queries of one panel run side by side.
const queriesAtOnce = 5

var (
	_ backend.QueryDataHandler      = (*Datasource)(nil)
	_ backend.CheckHealthHandler    = (*Datasource)(nil)
	_ backend.CallResourceHandler   = (*Datasource)(nil)
	_ backend.StreamHandler         = (*Datasource)(nil)
	_ instancemgmt.InstanceDisposer = (*Datasource)(nil)
)

// Datasource is one configured data source. Wrong settings do not prevent its
// making: every call, the health check first, then says what is wrong with them.
type Datasource struct {
	client    *trefoilclient.Client
	settings  settings
	source    frames.Source
	broken    error // why there is no client
	resources backend.CallResourceHandler
	cached    *cache
	bulk      *bulkframe.Store
}

// New makes instances of the data source, one for each of its settings. Its bulky
// frames go through bulk, whose codec serves; without one they are the SDK's.
func New(bulk *bulkframe.Store) datasource.InstanceFactoryFunc {
	return func(ctx context.Context, s backend.DataSourceInstanceSettings) (instancemgmt.Instance, error) {
		d := &Datasource{source: frames.Source{UID: s.UID, Name: s.Name}, cached: newCache(), bulk: bulk}
		d.resources = httpadapter.New(d.resourceRoutes())
		if d.settings, d.broken = readSettings(s); d.broken == nil {
			d.client, d.broken = newClient(ctx, s, d.settings)
		}
		return d, nil
	}
}

// Dispose frees idle connections when the settings have changed.
func (d *Datasource) Dispose() {
	if d.client != nil {
		d.client.CloseIdleConnections()
	}
}

// QueryData answers each query on its own: one that fails does not fail the rest.
func (d *Datasource) QueryData(ctx context.Context, req *backend.QueryDataRequest) (*backend.QueryDataResponse, error) {
	if d.bulk != nil && req.Format == backend.DataFrameFormat_ARROW {
		ctx = d.bulk.Attach(ctx)
	}
	return concurrent.QueryData(ctx, req, func(ctx context.Context, q concurrent.Query) backend.DataResponse {
		if d.broken != nil {
			return failure(d.broken)
		}
		out, err := d.query(ctx, q.DataQuery)
		if err != nil {
			return failure(err)
		}
		for _, f := range out {
			f.RefID = q.DataQuery.RefID
		}
		return backend.DataResponse{Frames: out, Status: backend.StatusOK}
	}, queriesAtOnce)
}

// CallResource serves the names the query editor offers.
func (d *Datasource) CallResource(ctx context.Context, req *backend.CallResourceRequest, send backend.CallResourceResponseSender) error {
	return d.resources.CallResource(ctx, req, send)
}

// failure reports err with the status Grafana shows and alerts on. What Trefoil,
// the network or the user did is downstream; the rest would be our own defect.
func failure(err error) backend.DataResponse {
	return backend.DataResponse{Error: err, Status: backend.Status(statusOf(err)), ErrorSource: backend.ErrorSourceDownstream}
}

const statusClientClosedRequest = 499

func statusOf(err error) int {
	var invalid *invalidQuery
	if errors.As(err, &invalid) {
		return http.StatusBadRequest
	}
	switch trefoilclient.ClassOf(err) {
	case trefoilclient.Unauthorized:
		return http.StatusUnauthorized
	case trefoilclient.Forbidden:
		return http.StatusForbidden
	case trefoilclient.NotFound:
		return http.StatusNotFound
	case trefoilclient.RateLimited:
		return http.StatusTooManyRequests
	case trefoilclient.BadRequest, trefoilclient.OverLimit, trefoilclient.TooLarge, trefoilclient.Misconfigured:
		return http.StatusBadRequest
	case trefoilclient.Timeout:
		return http.StatusGatewayTimeout
	case trefoilclient.Canceled:
		return statusClientClosedRequest
	case trefoilclient.Unsupported:
		return http.StatusNotImplemented
	case trefoilclient.Unavailable:
		return http.StatusServiceUnavailable
	case trefoilclient.Unreachable, trefoilclient.Malformed, trefoilclient.NotTrefoil:
		return http.StatusBadGateway
	default:
		return http.StatusInternalServerError
	}
}

package plugin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/grpcplugin"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// binary is the plugin as Grafana starts it, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "trefoil-plugin")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "gpx_trefoil_datasource")
		build := exec.Command("go", "build", "-o", binary, "..")
		build.Stdout, build.Stderr = os.Stdout, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build the plugin:", err)
			return 1
		}
		return m.Run()
	}())
}

// host is Grafana's half of the plugin protocol, for one configured data source.
type host struct {
	t        testing.TB
	settings *pluginv2.DataSourceInstanceSettings
	diag     grpcplugin.DiagnosticsClient
	data     grpcplugin.DataClient
	resource grpcplugin.ResourceClient
	stream   grpcplugin.StreamClient
}

// config are the data source's settings as Grafana stores them.
type config struct {
	url       string
	json      map[string]any
	secure    map[string]string
	basicUser string
}

// start runs the plugin's binary and connects to it over gRPC.
func start(t testing.TB, c config) *host {
	t.Helper()
	client := goplugin.NewClient(&goplugin.ClientConfig{
		Cmd: exec.Command(binary),
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion:  grpcplugin.ProtocolVersion,
			MagicCookieKey:   grpcplugin.MagicCookieKey,
			MagicCookieValue: grpcplugin.MagicCookieValue,
		},
		VersionedPlugins: map[int]goplugin.PluginSet{grpcplugin.ProtocolVersion: {
			"diagnostics": &grpcplugin.DiagnosticsGRPCPlugin{},
			"data":        &grpcplugin.DataGRPCPlugin{},
			"resource":    &grpcplugin.ResourceGRPCPlugin{},
			"stream":      &grpcplugin.StreamGRPCPlugin{},
		}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		GRPCDialOptions:  []grpc.DialOption{grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(256 << 20))},
		Logger:           hclog.NewNullLogger(),
	})
	t.Cleanup(client.Kill)
	rpc, err := client.Client()
	if err != nil {
		t.Fatal(err)
	}
	jsonData, err := json.Marshal(c.json)
	if err != nil {
		t.Fatal(err)
	}
	return &host{t: t,
		settings: &pluginv2.DataSourceInstanceSettings{
			Uid: "trefoil-uid", Name: "Trefoil", Url: c.url, JsonData: jsonData, DecryptedSecureJsonData: c.secure,
			BasicAuthEnabled: c.basicUser != "", BasicAuthUser: c.basicUser, LastUpdatedMS: time.Now().UnixMilli(),
		},
		diag:     dispense[grpcplugin.DiagnosticsClient](t, rpc, "diagnostics"),
		data:     dispense[grpcplugin.DataClient](t, rpc, "data"),
		resource: dispense[grpcplugin.ResourceClient](t, rpc, "resource"),
		stream:   dispense[grpcplugin.StreamClient](t, rpc, "stream"),
	}
}

func dispense[T any](t testing.TB, rpc goplugin.ClientProtocol, name string) T {
	t.Helper()
	raw, err := rpc.Dispense(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw.(T)
}

func (h *host) context() *pluginv2.PluginContext {
	return &pluginv2.PluginContext{OrgId: 1, PluginId: "trefoil-datasource", DataSourceInstanceSettings: h.settings}
}

func (h *host) health() (ok bool, message string, details map[string]any) {
	h.t.Helper()
	res, err := h.diag.CheckHealth(deadline(h.t), &pluginv2.CheckHealthRequest{PluginContext: h.context()})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := json.Unmarshal(res.JsonDetails, &details); err != nil {
		h.t.Fatal(err)
	}
	return res.Status == pluginv2.CheckHealthResponse_OK, res.Message, details
}

// query runs one query over the hour before to and returns what its panel gets.
func (h *host) query(kind string, model map[string]any, to time.Time) backend.DataResponse {
	h.t.Helper()
	return h.queries(deadline(h.t), to, dataQuery(h.t, "A", kind, model, to))["A"]
}

func dataQuery(t testing.TB, refID, kind string, model map[string]any, to time.Time) *pluginv2.DataQuery {
	t.Helper()
	raw, err := json.Marshal(model)
	if err != nil {
		t.Fatal(err)
	}
	return &pluginv2.DataQuery{RefId: refID, QueryType: kind, Json: raw, MaxDataPoints: 600, IntervalMS: 15000,
		TimeRange: &pluginv2.TimeRange{FromEpochMS: to.Add(-time.Hour).UnixMilli(), ToEpochMS: to.UnixMilli()}}
}

func (h *host) queries(ctx context.Context, to time.Time, queries ...*pluginv2.DataQuery) backend.Responses {
	h.t.Helper()
	res, err := h.data.QueryData(ctx, &pluginv2.QueryDataRequest{PluginContext: h.context(), Queries: queries})
	if err != nil {
		h.t.Fatal(err)
	}
	out, err := backend.FromProto().QueryDataResponse(res)
	if err != nil {
		h.t.Fatal(err)
	}
	return out.Responses
}

// get calls a resource and returns its status and body.
func (h *host) get(path, rawQuery string) (int, string) {
	h.t.Helper()
	stream, err := h.resource.CallResource(deadline(h.t), &pluginv2.CallResourceRequest{
		PluginContext: h.context(), Path: path, Method: http.MethodGet, Url: path + "?" + rawQuery})
	if err != nil {
		h.t.Fatal(err)
	}
	res, err := stream.Recv()
	if err != nil {
		h.t.Fatal(err)
	}
	return int(res.Code), string(res.Body)
}

// deadline bounds every call, so that a hanging plugin fails its test.
func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// serve answers as h does, on a free port.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

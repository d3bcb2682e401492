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
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/pluginhost"
)

// binary is the plugin as Grafana starts it, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	if dir := os.Getenv(relayEnv); dir != "" {
		fmt.Fprintln(os.Stderr, relay(dir))
		os.Exit(1)
	}
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
	*pluginhost.Host
	t testing.TB
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
	h, err := pluginhost.Start(binary, pluginhost.Settings{PluginID: "trefoil-datasource", UID: "trefoil-uid", Name: "Trefoil",
		URL: c.url, JSON: c.json, Secure: c.secure, BasicUser: c.basicUser})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return &host{h, t}
}

func (h *host) health() (ok bool, message string, details map[string]any) {
	h.t.Helper()
	res, err := h.CheckHealth(deadline(h.t))
	if err != nil {
		h.t.Fatal(err)
	}
	if err := json.Unmarshal(res.Details, &details); err != nil {
		h.t.Fatal(err)
	}
	return res.OK, res.Message, details
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
	out, err := h.Query(ctx, nil, queries...)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// get calls a resource and returns its status and body.
func (h *host) get(path, rawQuery string) (int, string) {
	h.t.Helper()
	res, err := h.Resource(deadline(h.t), http.MethodGet, path, rawQuery, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return res.Status, string(res.Body)
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

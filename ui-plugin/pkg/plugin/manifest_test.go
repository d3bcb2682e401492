package plugin

import (
	"encoding/json"
	"os"
	"testing"
)

// What Grafana reads in plugin.json is what this backend is: its ID, the name its
// binary is built under, and the abilities it has.
func TestManifest(t *testing.T) {
	raw, err := os.ReadFile("../../src/plugin.json")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		ID, Type, Executable                                              string
		Backend, Metrics, Logs, Tracing, Alerting, Annotations, Streaming bool
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	if m.ID != ID || m.Type != "datasource" || m.Executable != "gpx_trefoil_datasource" {
		t.Errorf("%+v", m)
	}
	if !m.Backend || !m.Metrics || !m.Logs || !m.Tracing || !m.Alerting || !m.Annotations || !m.Streaming {
		t.Errorf("an ability is missing: %+v", m)
	}
}

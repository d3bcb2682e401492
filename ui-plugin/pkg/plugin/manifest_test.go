package plugin

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
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

// plugin.json keeps Grafana's published schema. The schema is not ours to ship:
// TREFOIL_PLUGIN_SCHEMA is where it is, such as config/plugin.schema.json of a
// checkout of grafana/plugin-validator.
func TestManifestKeepsSchema(t *testing.T) {
	path := os.Getenv("TREFOIL_PLUGIN_SCHEMA")
	if path == "" {
		t.Skip("TREFOIL_PLUGIN_SCHEMA names no schema")
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("../../src/plugin.json")
	if err != nil {
		t.Fatal(err)
	}
	valid := func(raw []byte) error {
		// The build fills these in.
		raw = bytes.ReplaceAll(raw, []byte("%VERSION%"), []byte("0.1.0"))
		raw = bytes.ReplaceAll(raw, []byte("%TODAY%"), []byte("2026-03-01"))
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	if err := valid(raw); err != nil {
		t.Error(err)
	}
	if valid(bytes.Replace(raw, []byte(`"type": "datasource"`), []byte(`"type": "teapot"`), 1)) == nil {
		t.Error("the schema allows anything")
	}
}

package nativeapi

import (
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Routes and document name the same operations, both ways.
func TestRoutesAndDocumentAgree(t *testing.T) {
	var doc struct {
		OpenAPI string                    `yaml:"openapi"`
		Paths   map[string]map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("document is OpenAPI %s", doc.OpenAPI)
	}
	var documented, routed []string
	for path, operations := range doc.Paths {
		for method := range operations {
			documented = append(documented, strings.ToUpper(method)+" "+path)
		}
	}
	for _, r := range (&api{}).routes() {
		routed = append(routed, r.method+" "+r.path)
	}
	// What the program serves beside this package, see cmd/trefoil.
	routed = append(routed, "GET /api/v1/limits", "POST /-/reload",
		"GET /api/v1/maintenance", "POST /api/v1/maintenance", "DELETE /api/v1/maintenance/{id}",
		"GET /alertmanager/api/v2/{path}", "POST /alertmanager/api/v2/{path}", "DELETE /alertmanager/api/v2/{path}")
	slices.Sort(documented)
	slices.Sort(routed)
	if !slices.Equal(documented, routed) {
		t.Errorf("documented %q\nrouted     %q", documented, routed)
	}
}

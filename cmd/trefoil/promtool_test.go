package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestPromtool asks a running trefoil with Prometheus's own tool, which decodes
// answers with Prometheus's own client.
func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("Debian's prometheus package is not here")
	}
	p := startServe(t, newDataDir(t))
	defer p.stop()
	now := time.Now().Truncate(time.Second)
	var points []string
	for i := range 20 {
		for _, aisle := range []string{"north", "south"} {
			points = append(points, fmt.Sprintf(`{"timeUnixNano":"%d","asDouble":%d,"attributes":[{"key":"shop.aisle","value":{"stringValue":%q}}]}`,
				now.Add(time.Duration(i-20)*15*time.Second).UnixNano(), i*len(aisle), aisle))
		}
	}
	body := `{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"store"}}]},"scopeMetrics":[{"metrics":[
		{"name":"shelf.items","gauge":{"dataPoints":[` + strings.Join(points, ",") + `]}}]}]}]}`
	if resp := p.post(t, p.OTLP, "/v1/metrics", map[string]string{"Content-Type": "application/json"}, []byte(body)); resp.StatusCode != http.StatusOK {
		t.Fatalf("OTLP: HTTP %s", resp.Status)
	}
	server := "http://" + p.API + "/prometheus"
	ask := func(args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, promtool, append([]string{"query"}, args...)...).CombinedOutput()
		return string(out), err
	}
	at, from := fmt.Sprint("--time=", now.Unix()), fmt.Sprint("--start=", now.Add(-10*time.Minute).Unix())
	until := fmt.Sprint("--end=", now.Unix())
	eventually(t, time.Minute, "the points to be stored", func() error {
		out, err := ask("instant", at, server, `count_over_time(shelf_items{shop_aisle="north"}[10m])`)
		if err == nil && !strings.Contains(out, "=> 20 @") {
			err = fmt.Errorf("got %s", out)
		}
		return err
	})
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"instant", at, server, `sum by (job) (shelf_items)`}, []string{`{job="store"} => 190 @`}},
		{[]string{"instant", at, server, `scalar(count(shelf_items)) + 1`}, []string{"scalar: 3 @"}},
		{[]string{"-o", "json", "instant", at, server, `shelf_items{shop_aisle="north"}`}, []string{`"__name__":"shelf_items"`, `"shop_aisle":"north"`}},
		{[]string{"range", from, until, "--step=15s", server, `max(shelf_items)`}, []string{"95 @"}},
		{[]string{"series", from, until, "--match=shelf_items", server}, []string{`shop_aisle="north"`, `shop_aisle="south"`, `job="store"`}},
		{[]string{"labels", from, until, server, "shop_aisle"}, []string{"north\nsouth\n"}},
		{[]string{"labels", from, until, "--match=shelf_items", server, "__name__"}, []string{"shelf_items\n"}},
	} {
		out, err := ask(c.args...)
		if err != nil {
			t.Errorf("promtool query %s: %v\n%s", strings.Join(c.args, " "), err, out)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("promtool query %s does not say %q:\n%s", strings.Join(c.args, " "), want, out)
			}
		}
	}
	out, err := ask("instant", at, server, `sum(shelf_items`)
	if err == nil || !strings.Contains(out, "bad_data") || !strings.Contains(out, "1:16: parse error") {
		t.Errorf("a mistake is answered with %v\n%s", err, out)
	}
}

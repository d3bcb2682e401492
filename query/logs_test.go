package query_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// TestLoki asks Loki's API for what the fixture stored, as Grafana does.
func TestLoki(t *testing.T) {
	s := newFixture(t, nil).open("a", "alpha", 1)
	at := fmt.Sprintf("&start=%d&end=%d&limit=1000", epoch.Add(-60e9).UnixNano(), epoch.Add(600e9).UnixNano())
	get := func(path, query string) string {
		return "/loki/api/v1/" + path + "?query=" + url.QueryEscape(query) + at
	}
	type streams struct {
		Data struct {
			ResultType string
			Result     []struct {
				Stream map[string]string
				Values [][]any
			}
		}
	}
	lines := func(id tenant.ID, query string) (n int) {
		t.Helper()
		var res streams
		a := s.request(id, "GET "+get("query_range", query))
		if err := json.Unmarshal(a.body, &res); a.status != 200 || err != nil {
			t.Fatalf("%s: %d %v %s", query, a.status, err, a.body)
		}
		if res.Data.ResultType != "streams" {
			t.Fatalf("%s: a result of type %q", query, res.Data.ResultType)
		}
		for _, stream := range res.Data.Result {
			n += len(stream.Values)
		}
		return n
	}
	all := lines("a", `{service_namespace="shop"}`)
	requests := lines("a", `{service_name="alpha-front"} |= "request"`)
	if requests == 0 || all <= requests {
		t.Errorf("%d lines, %d of them with the word request", all, requests)
	}
	if n := lines("a", `{service_name="alpha-front"} |~ "request [0-9]+" | user_id="u1"`); n == 0 || n >= requests {
		t.Errorf("%d of %d requests are of one user", n, requests)
	}
	if n := lines("b", `{service_namespace="shop"}`); n != 0 {
		t.Errorf("another tenant reads %d lines", n)
	}

	var vector struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	s.get(fmt.Sprintf("/loki/api/v1/query?query=%s&time=%d",
		url.QueryEscape(`sum(count_over_time({service_namespace="shop"}[1h]))`), epoch.Add(600e9).UnixNano()), &vector)
	if len(vector.Data.Result) != 1 || vector.Data.Result[0].Value[1] != strconv.Itoa(all) {
		t.Errorf("counted %v of %d lines", vector.Data.Result, all)
	}
	var labels struct{ Data []string }
	s.get("/loki/api/v1/labels?"+at[1:], &labels)
	if !strings.Contains(strings.Join(labels.Data, " "), "service_name") {
		t.Errorf("labels %q", labels.Data)
	}
	a := s.request("a", "GET "+get("query_range", `{service_name="x"} |= `))
	if a.status != 400 || !strings.Contains(string(a.body), "^") || !strings.Contains(string(a.body), "parse error") {
		t.Errorf("a mistake: %d %s", a.status, a.body)
	}
}

package rulesapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
)

func groups(t *testing.T, asked *int) func(*http.Request) []Group {
	rule := func(name string, alert bool) Rule {
		r := Rule{Name: name, Labels: labels.FromStrings("team", name), Err: errors.New("store is away")}
		if alert {
			r.Alert = &Alerting{State: "firing", Active: func() []Alert { *asked++; return []Alert{{State: "firing"}} }}
		}
		return r
	}
	return func(*http.Request) []Group {
		return []Group{
			{File: "a.yml", Name: "one", Rules: []Rule{rule("Down", true), rule("job:up", false)}},
			{File: "a.yml", Name: "two", Rules: []Rule{rule("job:rate", false)}},
			{File: "b.yml", Name: "one", Rules: []Rule{rule("Slow", true)}},
		}
	}
}

// Pages of any size have each group that is asked for once, in order.
func TestPages(t *testing.T) {
	var asked int
	h := Rules(groups(t, &asked))
	for filter, want := range map[string]string{
		"":                            "a.yml/one a.yml/two b.yml/one",
		"type=alert":                  "a.yml/one b.yml/one",
		"type=record":                 "a.yml/one a.yml/two",
		"rule_group[]=one":            "a.yml/one b.yml/one",
		"file[]=b.yml":                "b.yml/one",
		`match[]={team=~"job.*"}`:     "a.yml/one a.yml/two",
		"rule_name[]=Slow&type=alert": "b.yml/one",
	} {
		form, err := url.ParseQuery(filter)
		if err != nil {
			t.Fatal(err)
		}
		for limit := 1; limit <= 4; limit++ {
			var got []string
			form.Set("group_limit", fmt.Sprint(limit))
			form.Del("group_next_token")
			for {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?"+form.Encode(), nil))
				var page struct{ Data ruleDiscovery }
				if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK || len(page.Data.Groups) > limit {
					t.Fatalf("%s: %d %s, %v", form.Encode(), w.Code, w.Body, err)
				}
				for _, g := range page.Data.Groups {
					got = append(got, g.File+"/"+g.Name)
				}
				if page.Data.NextToken == "" {
					break
				}
				form.Set("group_next_token", page.Data.NextToken)
			}
			if got := strings.Join(got, " "); got != want {
				t.Errorf("%s in pages of %d: %s, want %s", filter, limit, got, want)
			}
		}
	}
}

// Alerts are not gathered for who does not want them.
func TestExcludedAlerts(t *testing.T) {
	var asked int
	h := Rules(groups(t, &asked))
	for query, want := range map[string]int{"exclude_alerts=true": 0, "type=record": 0, "rule_name[]=Slow": 1, "": 2} {
		asked = 0
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?"+query, nil))
		if w.Code != http.StatusOK || asked != want || strings.Count(w.Body.String(), `"state":"firing","activeAt"`) > want || !strings.Contains(w.Body.String(), `"lastError":"store is away"`) {
			t.Errorf("%q: %d, asked %d times, want %d: %s", query, w.Code, asked, want, w.Body)
		}
	}
}

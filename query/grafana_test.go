package query_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// What Grafana's own sources ask, and what they read of the answer. They give up
// on an answer as a whole if a field is of another type.
func TestGrafanasSources(t *testing.T) {
	f := newFixture(t, nil)
	acme := f.open("acme", "acme", 1)
	form := func(params ...string) string {
		v := url.Values{}
		for i := 0; i < len(params); i += 2 {
			v.Add(params[i], params[i+1])
		}
		return v.Encode()
	}
	const from, to = "1699999940", "1700000060"
	logs := func(params ...string) string { return form(append(params, logHour...)...) }
	for _, c := range []exchange{
		fits("POST /prometheus/api/v1/query_range "+form("query", `sum by (job) (http_server_requests_total)`, "start", from, "end", to, "step", "15"), func(a *metrics) error {
			return want(a.Status == "success" && a.Data.ResultType == "matrix" && len(a.Data.Result) == 2 && len(a.Data.Result[0].Values) > 0, a)
		}),
		fits("POST /prometheus/api/v1/query "+form("query", "1+1", "time", "4"), func(a *struct {
			Data struct {
				ResultType string
				Result     [2]any
			}
		}) error {
			return want(a.Data.ResultType == "scalar" && a.Data.Result[0] == 4. && a.Data.Result[1] == "2", a)
		}),
		fits("GET /prometheus/api/v1/status/buildinfo", func(a *struct {
			Data struct {
				Version  string
				Features map[string]string // would make it Mimir, whose rules can be edited
			}
		}) error {
			return want(a.Data.Version != "" && a.Data.Features == nil, a)
		}),
		// The source of logs is well if this is one number, 2.
		fits("GET /loki/api/v1/query?"+form("query", "vector(1)+vector(1)", "direction", "backward", "time", "4000000000"), func(a *metrics) error {
			return want(a.Data.ResultType == "vector" && len(a.Data.Result) == 1 && a.Data.Result[0].Value[1] == "2", a)
		}),
		fits("GET /loki/api/v1/query_range?"+logs("query", `{service_name="acme-pay"}`, "direction", "backward", "limit", "2", "step", "15000ms"), func(a *struct {
			Data struct {
				ResultType string
				Result     []struct {
					Stream map[string]string
					Values [][]json.RawMessage
				}
			}
		}) error {
			if len(a.Data.Result) == 0 || a.Data.Result[0].Stream["service_name"] != "acme-pay" {
				return fmt.Errorf("%+v", a)
			}
			var by struct{ StructuredMetadata, Parsed map[string]string }
			for _, v := range a.Data.Result[0].Values {
				if len(v) != 3 { // a third element always, as the flag promises
					return fmt.Errorf("a line of %d elements", len(v))
				}
				if err := json.Unmarshal(v[2], &by); err != nil {
					return err
				}
			}
			return want(by.StructuredMetadata["detected_level"] == "error", by)
		}),
		fits("GET /loki/api/v1/index/stats?"+logs("query", `{service_name="acme-pay"}`), func(a *struct{ Streams, Chunks, Bytes, Entries uint64 }) error {
			return want(a.Streams == 1 && a.Entries == 5 && a.Bytes > 0, a)
		}),
		fits("GET /loki/api/v1/detected_fields?"+logs("query", `{service_name="acme-front"}`, "limit", "1000"), func(a *struct {
			Fields []struct {
				Label, Type string
				Cardinality int
				Parsers     []string
			}
		}) error {
			return want(len(a.Fields) > 0 && a.Fields[0].Label != "" && a.Fields[0].Cardinality > 0, a)
		}),
		// The source of traces is well if this is 200, whatever it says.
		fits("GET /tempo/api/v2/search/tags?"+form("limit", "5000"), func(a *struct {
			Scopes []struct {
				Name string
				Tags []string
			}
		}) error {
			return want(len(a.Scopes) > 2, a)
		}),
		fits("GET /tempo/api/v2/search/tag/resource.service.name/values?"+form("limit", "5000", "q", `{`), func(a *struct {
			TagValues []struct{ Type, Value string }
		}) error {
			return want(len(a.TagValues) > 0 && a.TagValues[0].Type == "string", a)
		}),
		// Numbers of 64 bits are texts, as protobuf has them in JSON.
		fits("GET /tempo/api/search?"+form("q", `{ resource.service.name = "acme-pay" } | select(status)`, "limit", "20", "spss", "3", "start", from, "end", to), func(a *struct {
			Traces []struct {
				TraceID, RootServiceName, RootTraceName, StartTimeUnixNano string
				DurationMs                                                 uint32
				SpanSets                                                   []struct {
					Matched uint32
					Spans   []struct{ SpanID, StartTimeUnixNano, DurationNanos string }
				}
			}
		}) error {
			return want(len(a.Traces) > 0 && len(a.Traces[0].SpanSets) > 0 && len(a.Traces[0].SpanSets[0].Spans) > 0 && a.Traces[0].SpanSets[0].Spans[0].DurationNanos != "", a)
		}),
		fits("GET /tempo/api/metrics/query_range?"+form("q", `{ } | rate() by (resource.service.name)`, "start", from, "end", to, "step", "60s", "exemplars", "10"), func(a *struct {
			Series []struct {
				Labels []struct {
					Key   string
					Value struct{ StringValue string }
				}
				Samples []struct {
					TimestampMs string
					Value       float64
				}
				PromLabels string
			}
		}) error {
			return want(len(a.Series) > 0 && len(a.Series[0].Samples) > 0 && a.Series[0].Labels[0].Key == "resource.service.name", a)
		}),
		fits("GET /jaeger/api/services", func(a *struct{ Data []string }) error { return want(len(a.Data) > 0, a) }),
		fits(fmt.Sprintf("GET /jaeger/api/traces/%x?start=1&end=2", acme.trace), func(a *struct {
			Data []struct {
				TraceID string
				Spans   []struct {
					SpanID, OperationName, ProcessID string
					StartTime, Duration              int64
					References                       []struct{ RefType, TraceID, SpanID string }
					Tags                             []struct {
						Key, Type string
						Value     any
					}
				}
				Processes map[string]struct{ ServiceName string }
			}
		}) error {
			return want(len(a.Data) == 1 && len(a.Data[0].Spans) > 0 && a.Data[0].Processes[a.Data[0].Spans[0].ProcessID].ServiceName != "", a)
		}),
		fits("GET /jaeger/api/dependencies?"+form("endTs", to+"000", "lookback", "120000"), func(a *struct {
			Data []struct {
				Parent, Child string
				CallCount     int
			}
			Errors []struct{ Msg string }
		}) error {
			return want(len(a.Data) > 0 && a.Data[0].CallCount > 0 && len(a.Errors) == 0, a)
		}),
	} {
		a := f.request("acme", c.request, "X-Loki-Response-Encoding-Flags", "categorize-labels", "Accept", "application/json")
		if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
			t.Errorf("%s: status %d, %s: %s", c.request, a.status, a.header.Get("Content-Type"), a.body)
			continue
		}
		if err := json.Unmarshal(a.body, c.into); err != nil {
			t.Errorf("%s: %v: %s", c.request, err, a.body)
			continue
		}
		if err := c.check(); err != nil {
			t.Errorf("%s: %v: %s", c.request, err, a.body)
		}
	}
	if a := f.request("acme", "GET /tempo/api/echo"); a.status != 200 {
		t.Errorf("echo: %d %s", a.status, a.body)
	}
}

type exchange struct {
	request string // of a source: path, and a form after a blank with POST
	into    any
	check   func() error
}

// fits is a request whose answer must be of a type and pass a check.
func fits[T any](request string, check func(*T) error) exchange {
	into := new(T)
	return exchange{request, into, func() error { return check(into) }}
}

func want(ok bool, got any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("not what is wanted: %+v", got)
}

// metrics is the answer with series of Prometheus and of Loki.
type metrics struct {
	Status string
	Data   struct {
		ResultType string
		Result     []struct {
			Metric map[string]string
			Value  [2]any
			Values [][2]any
		}
	}
}

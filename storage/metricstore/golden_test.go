package metricstore

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

var _ = flag.Bool("update", false, "rewrite the goldens")

func TestGoldens(t *testing.T) {
	db := storagetest.DB(t)
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	from, to := day.UnixMilli(), day.Add(time.Hour).UnixMilli()
	sel := Selector{Names: []string{"http_requests_total", "it's"}, NameRegexp: "http.*", Matchers: []attrcol.Matcher{{Key: "job", Value: "shop/cart"}, {Key: "http_method", Op: attrcol.Regexp, Value: "GET|it's"}}}
	where, err := sel.conditions("default", day, day)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range []struct{ name, sql string }{
		{"series", seriesSelect(where, 101).SQL()},
		{"label sets", labelSetsSelect("default", day, day, []string{"http.requests", "it's"}, true).SQL()},
		{"label sets of names", labelSetsSelect("default", day, day, []string{"http.requests", "it's"}, false).SQL()},
		{"exemplars of a trace", traceExemplarSelect("default", [16]byte{1, 0xff}, day, day.Add(time.Hour), 101).SQL()},
		{"exemplars of series", exemplarSelect("default", from, to, 101).SQL()},
		{"series of exemplars", exemplarSeriesSelect("default", day, day, []string{"a", "it's"}).SQL()},
		{"keys of labels", labelKeysSelect("default", day, day).SQL()},
		{"shapes by labels and resource", shapesSelect("default", day, day, []string{"job", "it's"}, true, 101).SQL()},
		{"shapes by resource", shapesSelect("default", day, day, nil, true, 101).SQL()},
		{"shapes by label", shapesSelect("default", day, day, []string{"job"}, false, 101).SQL()},
		{"series in all", seriesTotal("default", day, day).SQL()},
		{"label pairs in all", pairTotal("default", day, day).SQL()},
		{"series by metric", seriesByMetric("default", day, day, 10).SQL()},
		{"series by label pair", seriesByPair("default", day, day, 10).SQL()},
		{"series by resource", seriesByResource("default", day, day).SQL()},
		{"values by label", labelSizes("default", day, day, chsql.Func("count"), 10).SQL()},
		{"churn", churnSelect("default", day, day).SQL()},
		{"metadata", metadataSelect("default", day, day, "it's", 101).SQL()},
	} {
		fmt.Fprintf(&b, "-- %s\n%s;\n\n", c.name, c.sql)
		if _, err := db.Select(t.Context(), conn.Query{SQL: c.sql, Params: map[string]string{"fingerprints": "[1,18446744073709551615]"}}, func(driver.Rows) error { return nil }); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	storagetest.Golden(t, "selects.sql", b.String())
}

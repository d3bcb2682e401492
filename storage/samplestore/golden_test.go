package samplestore

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

var _ = flag.Bool("update", false, "rewrite the goldens")

func TestGoldens(t *testing.T) {
	db := storagetest.DB(t)
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	from, to := day.UnixMilli(), day.Add(time.Hour).UnixMilli()
	dense, _ := Range{Dense: true, Fingerprints: make([]uint64, fewDense)}.of(make([]uint64, fewDense))
	var b strings.Builder
	for _, c := range []struct{ name, sql string }{
		{"samples", sampleSelect("default", listed(), from, to).SQL()},
		{"what there is of series that lie together", heldSelect("default", dense, from, to, true).SQL()},
		{"histograms", histogramSelect("default", from, to).SQL()},
		{"bounds", boundsSelect("default", from, to).SQL()},
		{"hours held", hoursHeldSelect("default", from, to).SQL()},
		{"span", spanSelect("default", day, day).SQL()},
	} {
		fmt.Fprintf(&b, "-- %s\n%s;\n\n", c.name, c.sql)
		if _, err := db.Select(t.Context(), conn.Query{SQL: c.sql, Params: map[string]string{"fingerprints": "[1,18446744073709551615]"}}, func(driver.Rows) error { return nil }); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	storagetest.Golden(t, "selects.sql", b.String())
}

package metricexec

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// manySeries is a source of gauges m with a sample a minute.
func manySeries(series, samples int) *memory {
	m := newMemory()
	for i := range series {
		fp := m.add(metricstore.SeriesRow{Name: "m", PromName: "m", Type: metricstore.Gauge, Labels: map[string]string{"i": fmt.Sprint(i), "g": fmt.Sprint(i % 7)}})
		for k := range samples {
			m.sample(fp, epoch.Add(time.Duration(k)*time.Minute).UnixMilli(), 0, float64(i*k))
		}
	}
	return m
}

// A query that would hold or read more than it may is refused, and says which limit it was; those beside it are not in its way.
func TestEachQueryIsBounded(t *testing.T) {
	e := New(Config{Source: manySeries(100, 400), Limits: Limits{MaxSamples: 50_000}})
	end := epoch.Add(400 * time.Minute)
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			expr, step, fits := `sum by (g) (m{i=~"1."})`, time.Minute, true
			switch i % 4 {
			case 1:
				expr, step, fits = `m`, 15*time.Second, false // holds too many cells
			case 2:
				expr, fits = `m + m`, false // reads twice as many
			case 3:
				expr, step, fits = `max_over_time(sum by (i) (m)[30m:10s])`, time.Minute, false
			}
			res, err := e.Range(t.Context(), tenant.Default, expr, epoch, end, step)
			if fits {
				if err != nil {
					t.Errorf("%s: %v", expr, err)
				}
				res.Close()
				return
			}
			f, ok := errors.AsType[*fault.Error](err)
			if !ok || f.Code.Status() != http.StatusUnprocessableEntity || f.Limit != "max_samples" {
				t.Errorf("%s: %v, want a refusal by max_samples", expr, err)
			}
		})
	}
	wg.Wait()
}

// What a query says it held is what it allocated: eight bytes a sample in a column, as much again where an operation makes another column of it, and points of
// sixteen bytes in the answer.
func TestTheMeterIsTrue(t *testing.T) {
	m := manySeries(400, 600)
	end := epoch.Add(600 * time.Minute)
	for _, expr := range []string{`m`, `rate(m[5m])`, `m * 2`, `sum by (i) (m)`, `max_over_time(m[1h])`} {
		e := New(Config{Source: m}) // no columns to lend yet
		warm, err := e.Range(t.Context(), tenant.Default, `count(m)`, epoch, epoch, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		warm.Close()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		res, err := e.Range(t.Context(), tenant.Default, expr, epoch, end, 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		read := res.Stats.Samples * 16 // the source's own copies
		held := int64(res.Timings().Builtin().Samples.PeakSamples)
		took := int64(after.TotalAlloc-before.TotalAlloc) - read
		t.Logf("%s: %d samples held, %.1f bytes allocated for each", expr, held, float64(took)/float64(held))
		if held < 400*1200 || took < 8*held || took > 64*held {
			t.Errorf("%s: %d samples held, but %d bytes allocated", expr, held, took)
		}
		res.Close()
	}
}

package plugin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/apitest"
)

// The columns of a large answer go to Grafana from the memory they arrived in,
// which then serves again: whoever asks beside others, and again, gets the numbers
// that are the answer.
func TestManySeriesAtOnce(t *testing.T) {
	const series, points, askers, rounds = 90, 250, 6, 8
	value := func(n, i, k int) float64 { return float64(n*1_000_000 + i*1000 + k) }
	mux := api()
	mux.HandleFunc("POST /api/v1/query", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Query string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		n, err := strconv.Atoi(body.Query)
		if err != nil {
			t.Error(err)
		}
		var batches [2][]apitest.Series
		for i := range series {
			s := apitest.Series{Labels: map[string]string{"n": body.Query, "i": strconv.Itoa(i)}}
			for k := range points {
				if i%(series/2) == 0 {
					s.Times = append(s.Times, noon.UnixMilli()+int64(k)*15000)
				}
				s.Values = append(s.Values, value(n, i, k))
			}
			batches[i/(series/2)] = append(batches[i/(series/2)], s)
		}
		apitest.Answer(apitest.ArrowType, apitest.Metrics(nil, batches[:]...))(w, r)
	})
	h := start(t, config{url: serve(t, mux)})
	ask := func(n int) error {
		r := h.query("metrics", map[string]any{"expr": strconv.Itoa(n), "legendFormat": "{{i}}"}, noon)
		if r.Error != nil || len(r.Frames) != 1 {
			return fmt.Errorf("%d frames, %w", len(r.Frames), r.Error)
		}
		f := r.Frames[0]
		if f.Meta.Type != data.FrameTypeTimeSeriesWide || len(f.Fields) != series+1 || f.Rows() != points || f.RefID != "A" {
			return fmt.Errorf("%d fields, %d rows, %+v", len(f.Fields), f.Rows(), f.Meta)
		}
		for i, field := range f.Fields[1:] {
			if field.Labels["n"] != strconv.Itoa(n) || field.Labels["i"] != strconv.Itoa(i) || field.Config.DisplayNameFromDS != strconv.Itoa(i) {
				return fmt.Errorf("field %d is of %v, %s", i, field.Labels, field.Config.DisplayNameFromDS)
			}
			for k := range points {
				if got := field.At(k); got != value(n, i, k) {
					return fmt.Errorf("query %d, series %d, point %d is %v", n, i, k, got)
				}
			}
		}
		return nil
	}
	var all sync.WaitGroup
	for n := range askers {
		all.Go(func() {
			for round := range rounds {
				if err := ask(n*rounds + round); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

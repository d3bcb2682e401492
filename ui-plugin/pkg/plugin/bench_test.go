package plugin_test

import (
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/trefoil-o11y/trefoil/ui-plugin/pkg/apitest"
)

// What the plugin adds to an answer of 1,000 series of 1,000 points: "http" reads
// it and throws it away, "plugin" turns it into frames on Grafana's side of gRPC.
func BenchmarkMillionPoints(b *testing.B) {
	series := make([]apitest.Series, 1000)
	for i := range series {
		s := apitest.Series{Labels: map[string]string{"__name__": "m", "series": strconv.Itoa(i)}}
		for at := range 1000 {
			s.Times = append(s.Times, noon.UnixMilli()+int64(at)*15000)
			s.Values = append(s.Values, float64(i*at))
		}
		series[i] = s
	}
	answer := apitest.Metrics(nil, series)
	mux := api()
	mux.Handle("POST /api/v1/query", apitest.Answer(apitest.ArrowType, answer))
	url := serve(b, mux)
	b.Run("http", func(b *testing.B) {
		b.SetBytes(int64(len(answer)))
		for b.Loop() {
			res, err := http.Post(url+"/api/v1/query", "application/json", nil)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				b.Fatal(err)
			}
			res.Body.Close()
		}
	})
	b.Run("plugin", func(b *testing.B) {
		h := start(b, config{url: url})
		b.SetBytes(int64(len(answer)))
		for b.Loop() {
			if r := h.query("metrics", map[string]any{"expr": "m"}, noon); r.Error != nil || len(r.Frames) != 1000 {
				b.Fatal(len(r.Frames), r.Error)
			}
		}
	})
}

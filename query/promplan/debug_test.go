package promplan

import (
	"math/rand/v2"
	"testing"

	"github.com/prometheus/prometheus/promql"
)

func TestDebug(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 0))
	store := randomStorage(t, rng)
	ours, theirs := NewEngine(production()), promql.NewEngine(production())
	for _, q := range []string{
		`scalar(absent_over_time((c_total{instance=~"i0|i2"} @ 600 offset -5m)[11m:2m]))`,
		`absent_over_time((c_total{instance=~"i0|i2"} @ 600 offset -5m)[11m:2m])`,
	} {
		s := span{start: 3460610, end: 10660610, step: 400000}
		a, b := run(ours, store, q, s), run(theirs, store, q, s)
		t.Logf("%s\n%v %v\n---\n%v %v", q, a.Value, a.Err, b.Value, b.Err)
	}
}

package nativeapi

import (
	"context"
	"fmt"
	"net/url"
	"sync"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// explanation is the answer to explain=true: the plan in words and what was
// asked of the database.
type explanation struct {
	Plan    []string        `json:"plan"`
	Selects []explainSelect `json:"selects"`
}

type explainSelect struct {
	Op    string  `json:"op"`
	SQL   string  `json:"sql"`
	Rows  uint64  `json:"rows"`
	Bytes uint64  `json:"bytes"`
	MS    float64 `json:"ms"`
}

// maxSelects bounds the statements an explanation lists.
const maxSelects = 100

// explainer records the selects of a request that wants to be explained.
type explainer struct {
	mu  sync.Mutex
	out *explanation // nil where it does not
}

// explaining reads the parameter explain; the context it returns is that of the
// work to record.
func explaining(ctx context.Context, form url.Values) (context.Context, *explainer, error) {
	e := &explainer{}
	switch s := form.Get("explain"); s {
	case "", "false", "0":
		return ctx, e, nil
	case "true", "1":
	default:
		return ctx, e, fault.Param("explain", fmt.Errorf("%q is neither true nor false", s))
	}
	e.out = &explanation{Plan: []string{}, Selects: []explainSelect{}}
	return conn.Traced(ctx, e.ran), e, nil
}

func (e *explainer) ran(r conn.Ran) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.out.Selects) < maxSelects {
		e.out.Selects = append(e.out.Selects, explainSelect{r.Op, r.SQL, r.Stats.Rows, r.Stats.Bytes, float64(r.Stats.Elapsed.Microseconds()) / 1000})
	}
}

// as is the explanation with its plan, nil where none is wanted.
func (e *explainer) as(plan []string) *explanation {
	if e.out != nil {
		e.out.Plan = append(e.out.Plan, plan...)
	}
	return e.out
}

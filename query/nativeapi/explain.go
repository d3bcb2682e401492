package nativeapi

import (
	"context"
	"fmt"
	"net/url"
	"sync"

	"github.com/trefoil-o11y/trefoil/query/explained"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// maxSelects bounds the statements an explanation lists.
const maxSelects = 100

// explainer records the selects of a request that wants to be explained.
type explainer struct {
	wanted bool
	mu     sync.Mutex
	ran    []conn.Ran
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
	e.wanted = true
	return conn.Traced(ctx, e.note), e, nil
}

func (e *explainer) note(r conn.Ran) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.ran) < maxSelects {
		e.ran = append(e.ran, r)
	}
}

// as is the explanation with its plan, nil where none is wanted.
func (e *explainer) as(plan []string) *explained.Document {
	if !e.wanted {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return explained.New(plan, e.ran)
}

package nativeapi

import (
	"context"
	"fmt"
	"net/url"

	"github.com/trefoil-o11y/trefoil/query/explained"
	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// explainer records the statements of a request that wants to be explained.
type explainer struct {
	wanted bool
	explained.Recorder
}

// explaining reads the parameter explain; the context it returns is that of the
// work to record.
func explaining(ctx context.Context, form url.Values) (context.Context, *explainer, error) {
	e := &explainer{}
	switch s := form.Get("explain"); s {
	case "", "false", "0":
	case "true", "1":
		e.wanted = true
		ctx = conn.Traced(ctx, e.Note)
	default:
		return ctx, e, fault.Param("explain", fmt.Errorf("%q is neither true nor false", s))
	}
	return ctx, e, nil
}

// as is the explanation with its plan, nil where none is wanted.
func (e *explainer) as(plan []string) *explained.Document {
	if !e.wanted {
		return nil
	}
	return explained.New(plan, e.Ran())
}

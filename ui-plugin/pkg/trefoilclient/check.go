package trefoilclient

import (
	"context"
	"net/http"
)

// Kinds of a query that has been read, beside those that make series.
const (
	KindLines  = "lines"  // LogQL that finds lines
	KindTraces = "traces" // TraceQL that finds traces
)

// Check reads a query of a language without running it and returns its kind. A
// mistake in it is a BadRequest with its line and column.
func (c *Client) Check(ctx context.Context, language, query string) (kind string, err error) {
	body := struct {
		Language string `json:"language"`
		Query    string `json:"query"`
	}{language, query}
	var out struct {
		Kind string `json:"kind"`
	}
	_, err = c.callJSON(ctx, request{method: http.MethodPost, path: "api/v1/query/check", body: body}, &out)
	return out.Kind, err
}

package engine

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// exceptionError is the engine's no to a statement of our own.
type exceptionError struct {
	code    int
	message string
}

func (e *exceptionError) Error() string { return e.message }

const codeNoSuchPart = 232 // NO_SUCH_DATA_PART

// query sends a statement as the working user and returns its answer without the last line end. It is for the few
// statements that concern the engine itself; everybody else has a pool.
func (e *Engine) query(ctx context.Context, sql string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+e.endpoint.HTTPAddr+"/?database=system", strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	req.Header.Set("X-ClickHouse-User", e.endpoint.User)
	req.Header.Set("X-ClickHouse-Key", e.endpoint.Password)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // an open connection would delay a stop
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	answer := strings.TrimSpace(string(raw))
	if code, bad := strconv.Atoi(resp.Header.Get("X-ClickHouse-Exception-Code")); bad == nil {
		return "", &exceptionError{code, answer}
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", resp.Status, answer)
	}
	return answer, err
}

package promqlbench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/trefoil-o11y/trefoil/bench/subject"
)

// arrow asks trefoil's native API, and returns the answer in Arrow. It is not compressed.
func arrow(ctx context.Context, s *subject.Process, query map[string]any) ([]byte, error) {
	body, err := json.Marshal(query)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.HTTPAddr+"/api/v1/query", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/vnd.apache.arrow.stream")
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %s: %.300s", resp.Status, answer)
	}
	if err == nil && len(answer) < 10_000 {
		err = fmt.Errorf("an answer of %d bytes", len(answer))
	}
	return answer, err
}

package nativeclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// maxAnswer bounds what is read of an answer; the server's own limits are lower.
const maxAnswer = 256 << 20

// Config says where the API is and as whom to ask.
type Config struct {
	URL     string        // base address, e.g. http://127.0.0.1:8733
	Tenant  string        // empty: the server's default tenant
	Timeout time.Duration // of one request; default 30 s
	// Arrow asks for series and log records as an Arrow IPC stream, which is then
	// all there is of an answer: its Raw.
	Arrow bool
}

func (c *Config) setDefaults() {
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
}

// Client asks one server.
type Client struct {
	cfg  Config
	base *url.URL
	http *http.Client
}

// New checks the address; it does not connect.
func New(cfg Config) (*Client, error) {
	cfg.setDefaults()
	base, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("API address: %w", err)
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("API address %q: want http://host:port", cfg.URL)
	}
	return &Client{cfg: cfg, base: base, http: &http.Client{Timeout: cfg.Timeout}}, nil
}

// Error is what the API answered instead of a result.
type Error struct {
	Status     int    // HTTP status
	Code       string `json:"code"` // bad_query, not_found, limit, unavailable, …
	Message    string `json:"message"`
	Limit      string `json:"limit"` // which limit, for code limit
	RetryAfter int    `json:"retry_after_seconds"`
	Position   *struct {
		Line   int `json:"line"`
		Column int `json:"column"`
	} `json:"position"` // 1-based, in the query, when known
}

func (e *Error) Error() string {
	text := e.Message
	if e.Code != "" {
		text = e.Code + ": " + text
	}
	if e.Limit != "" {
		text += " (limit " + e.Limit + ")"
	}
	if e.RetryAfter > 0 {
		text += fmt.Sprintf(" (try again in %d s)", e.RetryAfter)
	}
	return text
}

// get asks path with parameters and returns the body of a success.
func (c *Client) get(ctx context.Context, path string, params url.Values) (json.RawMessage, error) {
	u := c.base.JoinPath(path)
	u.RawQuery = params.Encode()
	return c.do(ctx, http.MethodGet, u, nil)
}

// arrowStream is the media type of Arrow answers.
const arrowStream = "application/vnd.apache.arrow.stream"

func (c *Client) post(ctx context.Context, path string, body any) (json.RawMessage, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return c.do(ctx, http.MethodPost, c.base.JoinPath(path), text)
}

func (c *Client) do(ctx context.Context, method string, u *url.URL, body []byte) (json.RawMessage, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if c.cfg.Arrow {
		req.Header.Set("Accept", arrowStream)
	}
	req.Header.Set("X-Loki-Response-Encoding-Flags", "categorize-labels") // labels by source, of lines
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.cfg.Tenant != "" {
		req.Header.Set("X-Scope-OrgID", c.cfg.Tenant)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("%s: answer: %w", u.Path, err)
	}
	if len(answer) > maxAnswer {
		return nil, fmt.Errorf("%s: the answer is larger than %d MiB; ask for less", u.Path, maxAnswer>>20)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(resp, answer)
	}
	if c.cfg.Arrow && resp.Header.Get("Content-Type") == arrowStream {
		return answer, nil
	}
	if !json.Valid(answer) {
		return nil, fmt.Errorf("%s: the answer is not JSON (%s); is this Trefoil's HTTP API?", u, resp.Header.Get("Content-Type"))
	}
	return answer, nil
}

func (c *Client) unreachable(err error) error {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s (connection refused); start it with 'trefoil serve', or say where it is with --api", c.cfg.URL)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%s gave no answer within %s; ask for less, or raise --timeout", c.cfg.URL, c.cfg.Timeout)
	}
	return err
}

// refusal reads the error document; a body that is none is quoted instead.
func refusal(resp *http.Response, body []byte) error {
	var doc struct {
		Error *Error `json:"error"`
	}
	if json.Unmarshal(body, &doc) == nil && doc.Error != nil && doc.Error.Message != "" {
		doc.Error.Status = resp.StatusCode
		return doc.Error
	}
	text := strings.TrimSpace(string(body))
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	return &Error{Status: resp.StatusCode, Message: fmt.Sprintf("HTTP %s: %s", resp.Status, text)}
}

package trefoilclient

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
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
)

const (
	// DefaultURL is where a Trefoil started without flags serves its API.
	DefaultURL = "http://127.0.0.1:8733"

	// DefaultMaxResponseBytes bounds one answer after decompression.
	DefaultMaxResponseBytes = 64 << 20

	tenantHeader  = "X-Scope-OrgID"
	arrowType     = "application/vnd.apache.arrow.stream"
	jsonType      = "application/json"
	maxErrorBytes = 64 << 10
)

// Config says which Trefoil to call and as whom.
type Config struct {
	URL              string // base address, DefaultURL when empty
	Tenant           string // sent as X-Scope-OrgID, not sent when empty
	BearerToken      string // sent as Authorization, not sent when empty
	HTTP             *http.Client
	MaxResponseBytes int64 // DefaultMaxResponseBytes when 0
}

func (c *Config) setDefaults() {
	c.URL = strings.TrimRight(strings.TrimSpace(c.URL), "/")
	if c.URL == "" {
		c.URL = DefaultURL
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{Timeout: 30 * time.Second}
	}
	if c.MaxResponseBytes <= 0 {
		c.MaxResponseBytes = DefaultMaxResponseBytes
	}
}

// Client calls one Trefoil as one tenant. It is safe for concurrent use and
// every error it returns is an *Error.
type Client struct {
	cfg  Config
	base *url.URL
	http *http.Client
	// bodies is memory of answers that were released.
	bodies buffers
}

// New checks the address; it does not connect.
func New(cfg Config) (*Client, error) {
	cfg.setDefaults()
	if !strings.HasPrefix(cfg.URL, "http://") && !strings.HasPrefix(cfg.URL, "https://") {
		return nil, &Error{Class: Misconfigured, Message: fmt.Sprintf("the URL %q must begin with http:// or https://, as in %s", cfg.URL, DefaultURL)}
	}
	base, err := url.Parse(cfg.URL)
	switch {
	case err != nil:
		return nil, &Error{Class: Misconfigured, Message: fmt.Sprintf("the URL %q cannot be read: %v", cfg.URL, unwrapURL(err))}
	case base.Host == "":
		return nil, &Error{Class: Misconfigured, Message: fmt.Sprintf("the URL %q names no host, as in %s", cfg.URL, DefaultURL)}
	case base.RawQuery != "" || base.Fragment != "" || base.User != nil:
		return nil, &Error{Class: Misconfigured, Message: "the URL must be a plain base address, without credentials, query or fragment"}
	}
	// A redirect would carry the tenant, token and password to whatever host it
	// names, so it is reported instead of followed.
	h := *cfg.HTTP
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{cfg: cfg, base: base, http: &h}, nil
}

// URL is the base address in use.
func (c *Client) URL() string { return c.cfg.URL }

// Tenant is the tenant asked for; empty means the server's default.
func (c *Client) Tenant() string { return c.cfg.Tenant }

// Cost is what one call took, for the query inspector.
type Cost struct {
	Elapsed time.Duration // until the whole answer was read and decoded
	Bytes   int64         // of the answer, decompressed
}

type request struct {
	method, path string
	query        url.Values
	body         any // encoded as JSON when not nil
	accept       string
	// plain asks for an answer without compression: what is mostly numbers costs
	// more to compress and expand than to send.
	plain bool
}

// open sends one request; the caller reads the answer and closes it. Anything but
// a 2xx of the accepted content type is an *Error.
func (c *Client) open(ctx context.Context, r request) (io.ReadCloser, error) {
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.transportError(ctx, err)
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		head, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes))
		return nil, c.statusError(resp, head)
	}
	if got := mediaType(resp.Header); got != r.accept {
		defer resp.Body.Close()
		return nil, &Error{Class: NotTrefoil, Status: resp.StatusCode, Message: fmt.Sprintf(
			"%s answered with %s where Trefoil's API answers with %s; check that the URL is Trefoil's", c.cfg.URL, orNone(got), r.accept)}
	}
	return resp.Body, nil
}

func (c *Client) newRequest(ctx context.Context, r request) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		encoded, err := json.Marshal(r.body)
		if err != nil {
			return nil, &Error{Class: BadRequest, Message: "the query cannot be written as JSON: " + err.Error(), Err: err}
		}
		body = bytes.NewReader(encoded)
	}
	u := c.base.JoinPath(r.path)
	u.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return nil, &Error{Class: Misconfigured, Message: "the request cannot be made: " + unwrapURL(err).Error(), Err: err}
	}
	req.Header.Set("Accept", r.accept)
	if r.plain {
		req.Header.Set("Accept-Encoding", "identity")
	}
	if r.body != nil {
		req.Header.Set("Content-Type", jsonType)
	}
	if c.cfg.Tenant != "" {
		req.Header.Set(tenantHeader, c.cfg.Tenant)
	}
	if c.cfg.BearerToken != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.BearerToken)
	}
	return req, nil
}

func (c *Client) getJSON(ctx context.Context, path string, query url.Values, into any) (Cost, error) {
	return c.callJSON(ctx, request{method: http.MethodGet, path: path, query: query}, into)
}

// callJSON reads the whole answer, at most MaxResponseBytes, into into.
func (c *Client) callJSON(ctx context.Context, r request, into any) (Cost, error) {
	started := time.Now()
	r.accept = jsonType
	answer, err := c.open(ctx, r)
	if err != nil {
		return Cost{}, err
	}
	defer answer.Close()
	body, err := io.ReadAll(httpclient.MaxBytesReader(answer, c.cfg.MaxResponseBytes))
	if errors.Is(err, httpclient.ErrResponseBodyTooLarge) {
		return Cost{}, c.tooLarge()
	}
	if err != nil {
		return Cost{}, c.transportError(ctx, err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return Cost{}, c.malformed(err)
	}
	return Cost{Elapsed: time.Since(started), Bytes: int64(len(body))}, nil
}

// callArrow gives decode the answer as it arrives, at most MaxResponseBytes of it.
func (c *Client) callArrow(ctx context.Context, r request, decode func(*arrowStream) error) (Cost, error) {
	started := time.Now()
	r.accept = arrowType
	answer, err := c.open(ctx, r)
	if err != nil {
		return Cost{}, err
	}
	defer answer.Close()
	stream := &arrowStream{from: answer, most: c.cfg.MaxResponseBytes}
	if r.plain {
		stream.bodies = &c.bodies
	}
	err = decode(stream)
	var broken *brokenOff
	switch {
	case errors.As(err, &broken):
		return Cost{}, c.transportError(ctx, broken.err)
	case errors.Is(err, errTooLarge):
		return Cost{}, c.tooLarge()
	case err != nil:
		return Cost{}, c.malformed(err)
	}
	return Cost{Elapsed: time.Since(started), Bytes: stream.read}, nil
}

func mediaType(h http.Header) string {
	t, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

func orNone(s string) string {
	if s == "" {
		return "no content type"
	}
	return s
}

// CloseIdleConnections ends the connections kept for reuse.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

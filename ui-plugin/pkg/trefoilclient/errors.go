package trefoilclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Class groups failures by what the user has to do about them.
type Class string

const (
	Misconfigured Class = "misconfigured" // the data source's settings are wrong
	Unreachable   Class = "unreachable"   // nobody listens, no such host, TLS refused
	Timeout       Class = "timeout"       // no whole answer in time
	Canceled      Class = "canceled"      // the caller gave up
	Unauthorized  Class = "unauthorized"  // 401
	Forbidden     Class = "forbidden"     // 403
	NotFound      Class = "not_found"     // the asked thing is unknown
	RateLimited   Class = "rate_limited"  // 429
	OverLimit     Class = "over_limit"    // the query exceeds one of Trefoil's limits
	BadRequest    Class = "bad_request"   // Trefoil refuses the query and says why
	Unsupported   Class = "unsupported"   // this version of Trefoil does not do that
	Unavailable   Class = "unavailable"   // Trefoil is up and cannot answer now
	Internal      Class = "internal"      // Trefoil failed
	Malformed     Class = "malformed"     // the answer cannot be read
	TooLarge      Class = "too_large"     // the answer exceeds our own bound
	NotTrefoil    Class = "not_trefoil"   // something else answers at this URL
)

// Error is a failed call. Message is one sentence for the person who looks at
// the panel; it holds no secret and no stack.
type Error struct {
	Class      Class
	Status     int // of the HTTP answer, 0 when there was none
	Message    string
	Line       int // of the mistake in the query, from 1; 0 when not given
	Column     int
	Bare       string // the mistake alone, where Message has its place as well
	RetryAfter time.Duration
	Err        error
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Err }

// ClassOf is the class of err, or Internal when it is not an *Error.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Internal
}

// transportError classifies a call that brought no whole answer.
func (c *Client) transportError(ctx context.Context, err error) *Error {
	cause := unwrapURL(err)
	e := &Error{Class: Unreachable, Err: err}
	var (
		dns  *net.DNSError
		netE net.Error
		rec  tls.RecordHeaderError
		cert *tls.CertificateVerificationError
		auth x509.UnknownAuthorityError
		op   *net.OpError
	)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Class, e.Message = Canceled, "the query was cancelled before Trefoil answered"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netE) && netE.Timeout():
		e.Class, e.Message = Timeout, fmt.Sprintf("Trefoil at %s did not answer in time; narrow the query or raise the data source's timeout", c.cfg.URL)
	case errors.As(err, &dns):
		e.Message = fmt.Sprintf("Trefoil at %s cannot be reached: there is no host %q", c.cfg.URL, dns.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Message = fmt.Sprintf("Trefoil at %s cannot be reached: nothing listens there; check the URL and that Trefoil runs", c.cfg.URL)
	case errors.As(err, &rec), strings.Contains(cause.Error(), "HTTP response to HTTPS client"):
		e.Class, e.Message = Misconfigured, fmt.Sprintf("%s does not speak TLS; use http:// in the URL", c.cfg.URL)
	case errors.As(err, &cert), errors.As(err, &auth):
		e.Class, e.Message = Misconfigured, fmt.Sprintf("the TLS certificate of %s is not trusted: %v", c.cfg.URL, cause)
	case errors.As(err, &op) && op.Op == "remote error" && strings.Contains(op.Err.Error(), "certificate"):
		// What the other side says of ours, in a TLS alert.
		e.Class, e.Message = Misconfigured, fmt.Sprintf("Trefoil at %s wants a client certificate of an authority it trusts: %v", c.cfg.URL, cause)
	default:
		e.Message = fmt.Sprintf("the connection to Trefoil at %s broke: %v", c.cfg.URL, cause)
	}
	return e
}

// apiError is the body of every refusal of the native API.
type apiError struct {
	Error *struct {
		Code     string `json:"code"`
		Message  string `json:"message"`
		Position *struct {
			Line   int `json:"line"`
			Column int `json:"column"`
		} `json:"position"`
		Limit             string  `json:"limit"`
		RetryAfterSeconds float64 `json:"retry_after_seconds"`
	} `json:"error"`
}

// statusError classifies an answer that is not 2xx, by Trefoil's own code when
// the body has one and else by its status.
func (c *Client) statusError(resp *http.Response, body []byte) *Error {
	e := &Error{Status: resp.StatusCode, Class: classOfStatus(resp.StatusCode), RetryAfter: retryAfter(resp.Header)}
	var api apiError
	if json.Unmarshal(body, &api) != nil || api.Error == nil || api.Error.Message == "" {
		e.Message = c.bareStatus(e, resp)
		return e
	}
	if class, ok := classOfCode[api.Error.Code]; ok && e.Class != Forbidden && e.Class != RateLimited {
		e.Class = class
	}
	if s := api.Error.RetryAfterSeconds; s > 0 && s < 1e6 {
		e.RetryAfter = time.Duration(s * float64(time.Second))
	}
	e.Message = api.Error.Message
	if p := api.Error.Position; p != nil {
		e.Line, e.Column, e.Bare = p.Line, p.Column, api.Error.Message
		e.Message = fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, e.Message)
	}
	if l := api.Error.Limit; l != "" && !strings.Contains(e.Message, l) {
		e.Message += " (limit: " + l + ")"
	}
	e.Message = prefixOf(e.Class) + e.Message + e.retryHint()
	return e
}

// bareStatus words a refusal that came without Trefoil's error body, as from a
// proxy in front of it or from another program.
func (c *Client) bareStatus(e *Error, resp *http.Response) string {
	at := fmt.Sprintf("%s answered %d %s", c.cfg.URL, e.Status, http.StatusText(e.Status))
	switch e.Class {
	case Unauthorized:
		return at + ": the data source's credentials are missing or wrong"
	case Forbidden:
		return at + ": the credentials do not allow this, or not for this tenant"
	case RateLimited:
		return at + ": too many requests" + e.retryHint()
	case NotTrefoil:
		if to := resp.Header.Get("Location"); to != "" {
			return fmt.Sprintf("%s redirects to %s; redirects are not followed, set the final URL", c.cfg.URL, to)
		}
		return at + ": there is no Trefoil API at this URL (the API's default port is 8733; 4317 and 4318 only take telemetry in)"
	case Timeout:
		return at + ": no answer in time"
	default:
		return at + e.retryHint()
	}
}

func (e *Error) retryHint() string {
	if e.RetryAfter <= 0 {
		return ""
	}
	return fmt.Sprintf("; try again in %s", e.RetryAfter.Round(time.Millisecond))
}

var classOfCode = map[string]Class{
	"bad_query":    BadRequest,
	"not_found":    NotFound,
	"unsupported":  Unsupported,
	"unavailable":  Unavailable,
	"limit":        OverLimit,
	"unauthorized": Unauthorized,
	"internal":     Internal,
	"timeout":      Timeout,
}

func classOfStatus(status int) Class {
	switch {
	case status == http.StatusUnauthorized:
		return Unauthorized
	case status == http.StatusForbidden:
		return Forbidden
	case status == http.StatusTooManyRequests:
		return RateLimited
	case status == http.StatusRequestTimeout, status == http.StatusGatewayTimeout:
		return Timeout
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed, status/100 == 3:
		return NotTrefoil
	case status/100 == 4:
		return BadRequest
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable:
		return Unavailable
	default:
		return Internal
	}
}

func prefixOf(c Class) string {
	switch c {
	case Unauthorized:
		return "Trefoil refuses the credentials: "
	case Forbidden:
		return "Trefoil forbids this: "
	case RateLimited:
		return "Trefoil limits the rate of requests: "
	case OverLimit:
		return "the query is over a limit: "
	case Unavailable:
		return "Trefoil cannot answer now: "
	case Timeout:
		return "Trefoil stopped the query: "
	case Internal:
		return "Trefoil failed: "
	default:
		return ""
	}
}

// retryAfter reads the header's seconds form; the date form is rare and only a hint.
func retryAfter(h http.Header) time.Duration {
	s, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || s < 0 || s > 1e6 {
		return 0
	}
	return time.Duration(s) * time.Second
}

func (c *Client) malformed(err error) *Error {
	return &Error{Class: Malformed, Status: http.StatusOK, Err: err,
		Message: fmt.Sprintf("the answer of %s cannot be read: %v", c.cfg.URL, err)}
}

func (c *Client) tooLarge() *Error {
	return &Error{Class: TooLarge, Status: http.StatusOK, Message: fmt.Sprintf(
		"the answer is over %d MiB; narrow the query, or raise the data source's response limit", c.cfg.MaxResponseBytes>>20)}
}

// unwrapURL drops the method and address that net/url and net/http put in front
// of every cause: the message names the address once, and without parameters.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

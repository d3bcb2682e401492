package notify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Receiver is one place notifications go to.
type Receiver struct {
	// Name identifies the receiver in the log, the metrics and the messages.
	// It holds no secret and does not change with the order of the receivers.
	Name string
	// Send delivers one notification. It returns within the context's
	// deadline. An error that is a *SendError says whether to try again; any
	// other one is tried again.
	Send func(ctx context.Context, id string, body []byte) error
}

// SendError is a failed delivery attempt. Its text holds no URL.
type SendError struct {
	// Reason classes the failure for metrics: network, timeout,
	// rate_limited, server_error, client_error, redirect.
	Reason string
	// Permanent says that the same request will fail again.
	Permanent bool
	// Refused says that the receiver has not acted: it said so, or was not
	// reached. Otherwise nobody knows.
	Refused bool
	// After is how long the receiver asked to be left alone; zero if it did
	// not.
	After time.Duration
	Err   error
}

func (e *SendError) Error() string { return e.Err.Error() }
func (e *SendError) Unwrap() error { return e.Err }

// maxRetryAfter bounds how long a receiver can ask to be left alone.
const maxRetryAfter = 5 * time.Minute

// NewWebhook makes the receiver that posts to a URL. The URL is a secret: it
// appears in no error, log or metric. The receiver's name is made from a hash
// of it, so the notification log follows the URL. Transport nil means one with
// timeouts for every step.
func NewWebhook(rawURL string, transport http.RoundTripper) (Receiver, error) {
	target, err := url.Parse(rawURL)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return Receiver{}, errors.New("webhook: not an absolute http or https URL")
	}
	if transport == nil {
		transport = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout:   5 * time.Second,
			ResponseHeaderTimeout: 30 * time.Second,
			IdleConnTimeout:       90 * time.Second,
			MaxConnsPerHost:       16,
			ForceAttemptHTTP2:     true,
		}
	}
	w := &webhook{target: target, transport: transport, redact: redactor(target)}
	sum := sha256.Sum256([]byte(rawURL))
	return Receiver{Name: "webhook-" + hex.EncodeToString(sum[:4]), Send: w.send}, nil
}

type webhook struct {
	target *url.URL
	// transport is used without an http.Client: that would follow redirects
	// and print the URL into its errors.
	transport http.RoundTripper
	// redact takes the parts of the URL out of a text: a receiver can echo
	// them into headers, and those end up in errors.
	redact *strings.Replacer
}

// redactor replaces every part of a URL but its host.
func redactor(target *url.URL) *strings.Replacer {
	parts := []string{target.String(), target.RequestURI(), target.RawQuery, target.Fragment, target.User.String()}
	if password, ok := target.User.Password(); ok {
		parts = append(parts, password)
	}
	parts = append(parts, target.User.Username())
	parts = append(parts, strings.Split(target.Path, "/")...)
	for _, values := range target.Query() {
		parts = append(parts, values...)
	}
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, part := range parts {
		if len(part) > 1 {
			pairs = append(pairs, part, "***")
		}
	}
	return strings.NewReplacer(pairs...)
}

func (w *webhook) send(ctx context.Context, id string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.target.String(), bytes.NewReader(body))
	if err != nil {
		return &SendError{Reason: "client_error", Permanent: true, Err: errors.New("webhook: request cannot be made")}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Trefoil")
	req.Header.Set(idempotencyName, id)
	if user := w.target.User; user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	resp, err := w.transport.RoundTrip(req)
	if err != nil {
		return w.failed(ctx, err)
	}
	defer resp.Body.Close()
	// A little of the body is read so that the connection can be used again.
	_, _ = io.CopyN(io.Discard, resp.Body, 16<<10)
	return w.answered(resp)
}

// failed classes an error of the transport.
func (w *webhook) failed(ctx context.Context, err error) error {
	reason := "network"
	var timeout interface{ Timeout() bool }
	if ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		reason = "timeout"
	}
	dial, ok := errors.AsType[*net.OpError](err)
	return &SendError{
		Reason: reason, Refused: ok && dial.Op == "dial",
		Err: fmt.Errorf("webhook: %s: %s", w.target.Host, w.redact.Replace(err.Error())),
	}
}

func (w *webhook) answered(resp *http.Response) error {
	fail := &SendError{Err: fmt.Errorf("webhook: %s: answered %s", w.target.Host, statusText(resp.StatusCode))}
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusTooManyRequests:
		fail.Reason = "rate_limited"
	case code == http.StatusRequestTimeout:
		fail.Reason = "timeout"
	case code >= 500:
		fail.Reason = "server_error"
	case code >= 300 && code < 400:
		fail.Reason, fail.Permanent = "redirect", true
		fail.Err = fmt.Errorf("%w; redirects are not followed, configure the final URL", fail.Err)
	default:
		fail.Reason, fail.Permanent = "client_error", true
	}
	fail.Refused = resp.StatusCode < 500 && resp.StatusCode != http.StatusRequestTimeout
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		fail.After = min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	return fail
}

func statusText(code int) string {
	if text := http.StatusText(code); text != "" {
		return strconv.Itoa(code) + " " + text
	}
	return strconv.Itoa(code)
}

package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	amalert "github.com/prometheus/alertmanager/alert"
	amnotify "github.com/prometheus/alertmanager/notify"
	amwebhook "github.com/prometheus/alertmanager/notify/webhook"
	"github.com/prometheus/alertmanager/template"
)

const (
	idempotencyName = "Idempotency-Key"
	// maxRetryAfter bounds how long a receiver can ask to be left alone.
	maxRetryAfter = 5 * time.Minute
)

// SendError is a failed delivery attempt. Its text holds no secret.
type SendError struct {
	Reason amnotify.Reason
	// Retry says that the same request may succeed later.
	Retry bool
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

// Config configures an Integration.
type Config struct {
	Webhook   *amwebhook.WebhookConfig
	Template  *template.Template
	Transport http.RoundTripper // nil is that of the configuration
	Logger    *slog.Logger
	// Key is the Idempotency-Key of the notification under way; "" for none.
	Key func(context.Context) string
}

// Integration sends what Alertmanager's webhook integration sends, as its
// configuration says. It stands in for it because a page needs more than that
// one does: an Idempotency-Key, and 408, 429 and Retry-After understood.
type Integration struct {
	Config
	do func(*http.Request) (*http.Response, error)
}

// New makes an integration.
func New(c Config) (*Integration, error) {
	conf := c.Webhook
	client, err := amnotify.NewClientWithTracing(*conf.HTTPConfig, "webhook")
	if err != nil {
		return nil, err
	}
	if c.Transport != nil {
		client.Transport = c.Transport
	}
	do := client.Do
	if !conf.HTTPConfig.FollowRedirects {
		do = client.Transport.RoundTrip // a client would still parse where it is sent to
	}
	return &Integration{Config: c, do: do}, nil
}

// Notify implements Alertmanager's Notifier; an error is a *SendError.
func (w *Integration) Notify(ctx context.Context, alerts ...*amalert.Alert) (retry bool, err error) {
	target, body, err := w.render(ctx, alerts)
	if err != nil {
		return false, &SendError{Reason: amnotify.ClientErrorReason, Refused: true, Err: fmt.Errorf("webhook: %w", err)}
	}
	if w.Webhook.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.Webhook.Timeout)
		defer cancel()
	}
	failure := w.post(ctx, target, body)
	if failure == nil {
		return false, nil
	}
	return failure.Retry, failure
}

// render answers the request's URL and body.
func (w *Integration) render(ctx context.Context, alerts []*amalert.Alert) (target string, body []byte, err error) {
	truncated := uint64(0)
	if limit := w.Webhook.MaxAlerts; limit != 0 && uint64(len(alerts)) > limit {
		truncated = uint64(len(alerts)) - limit
		alerts = alerts[:limit]
	}
	key, err := amnotify.ExtractGroupKey(ctx)
	if err != nil {
		return "", nil, err
	}
	data := amnotify.GetTemplateData(ctx, w.Template, alerts, w.Logger)
	message := &amwebhook.Message{Version: "4", Data: data, GroupKey: key.String(), TruncatedAlerts: truncated}
	var failed error
	text := amnotify.TmplText(w.Template, data, &failed)
	var payload any = message
	if w.Webhook.Payload != nil {
		payload, err = template.DeepCopyWithTemplate(w.Webhook.Payload, func(s string) (string, error) { return text(s), failed })
		if err != nil {
			return "", nil, fmt.Errorf("payload: %w", err)
		}
	}
	if body, err = json.Marshal(payload); err != nil {
		return "", nil, fmt.Errorf("encode: %w", err)
	}
	source := string(w.Webhook.URL)
	if source == "" {
		file, err := os.ReadFile(w.Webhook.URLFile)
		if err != nil {
			return "", nil, fmt.Errorf("url_file: %w", err)
		}
		source = strings.TrimSpace(string(file))
	}
	target = text(source)
	if failed != nil || target == "" {
		return "", nil, errors.New("its URL's template fails or yields nothing")
	}
	return target, body, nil
}

func (w *Integration) post(ctx context.Context, target string, body []byte) *SendError {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return &SendError{Reason: amnotify.ClientErrorReason, Refused: true, Err: errors.New("webhook: its URL is not valid")}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Trefoil")
	if key := w.Key(ctx); key != "" {
		req.Header.Set(idempotencyName, key)
	}
	if user := req.URL.User; user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	redact := Redactor(target)
	resp, err := w.do(req)
	if err != nil {
		return unanswered(ctx, req.URL.Host, redact.Replace(amnotify.RedactURL(err).Error()), err)
	}
	defer resp.Body.Close()
	// A little of the body is read so that the connection can be used again.
	_, _ = io.CopyN(io.Discard, resp.Body, 16<<10)
	return answered(req.URL.Host, resp)
}

// unanswered classes an error of the transport.
func unanswered(ctx context.Context, host, text string, err error) *SendError {
	reason := amnotify.DefaultReason
	var timeout interface{ Timeout() bool }
	if ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		reason = amnotify.ContextDeadlineExceededReason
	}
	dial, ok := errors.AsType[*net.OpError](err)
	return &SendError{
		Reason: reason, Retry: true, Refused: ok && dial.Op == "dial", Err: fmt.Errorf("%s: %s", host, text),
	}
}

// answered classes an answer; nil is success.
func answered(host string, resp *http.Response) *SendError {
	code := resp.StatusCode
	if code/100 == 2 {
		return nil
	}
	fail := &SendError{
		Reason:  amnotify.GetFailureReasonFromStatusCode(code),
		Retry:   code/100 == 5 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout,
		Refused: code < 500 && code != http.StatusRequestTimeout,
		Err:     fmt.Errorf("%s: answered %s", host, StatusText(code)),
	}
	if code/100 == 3 {
		fail.Err = fmt.Errorf("%w; redirects are not followed, configure the final URL", fail.Err)
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 && fail.Retry {
		fail.After = min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	return fail
}

// StatusText is a status of HTTP in words.
func StatusText(code int) string {
	if text := http.StatusText(code); text != "" {
		return strconv.Itoa(code) + " " + text
	}
	return strconv.Itoa(code)
}

// ParseURL checks the URL of a flag. An error does not quote it.
func ParseURL(raw string) (*url.URL, error) {
	target, err := url.Parse(raw)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return nil, errors.New("not an absolute http or https URL")
	}
	return target, nil
}

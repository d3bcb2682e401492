package notify

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	amalert "github.com/prometheus/alertmanager/alert"
	amconfig "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/config/receiver"
	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/template"

	"github.com/trefoil-o11y/trefoil/alerting/webhook"
)

// delivery is what the stages of one notification know of it.
type delivery struct {
	id string
	// unknown says that the receiver may know of it although no attempt has
	// succeeded. Only the notification's goroutine touches it.
	unknown bool
}

type deliveryKey struct{}

func withDelivery(ctx context.Context, d *delivery) context.Context {
	return context.WithValue(ctx, deliveryKey{}, d)
}

func deliveryOf(ctx context.Context) *delivery {
	d, _ := ctx.Value(deliveryKey{}).(*delivery)
	return d
}

// idOf is the id of the notification under way, "" for none.
func idOf(ctx context.Context) string {
	if d := deliveryOf(ctx); d != nil {
		return d.id
	}
	return ""
}

// integrations makes the integrations of a receiver: Alertmanager's, each with
// bounded attempts and redacted errors.
func (a *Alertmanager) integrations(rcv amconfig.Receiver, tmpl *template.Template) ([]amnotify.Integration, error) {
	redact := webhook.Redactor(webhook.SecretsIn(rcv)...)
	quiet := slog.New(redacting{a.log.Handler(), redact})
	rest := rcv
	rest.WebhookConfigs = nil
	made, err := receiver.BuildReceiverIntegrations(rest, tmpl, quiet)
	if err != nil {
		return nil, errors.New(redact.Replace(err.Error()))
	}
	for i, conf := range rcv.WebhookConfigs {
		hook, err := webhook.New(webhook.Config{Webhook: conf, Template: tmpl, Transport: a.cfg.Transport, Logger: quiet, Key: idOf})
		if err != nil {
			return nil, errors.New(redact.Replace(err.Error()))
		}
		made = append(made, amnotify.NewIntegration(hook, conf, "webhook", i, rcv.Name))
	}
	out := make([]amnotify.Integration, len(made))
	for i := range made {
		one := &made[i]
		out[i] = amnotify.NewIntegration(&attempts{
			a: a, inner: one, receiver: rcv.Name, redact: redact, slots: make(chan struct{}, a.cfg.Concurrency),
		}, one, one.Name(), one.Index(), rcv.Name)
	}
	return out, nil
}

// attempts bounds the attempts of one integration in time and number, and
// notes whether the receiver may have heard of the notification.
type attempts struct {
	a        *Alertmanager
	inner    *amnotify.Integration
	receiver string
	redact   *strings.Replacer
	slots    chan struct{}
}

// Notify implements Alertmanager's Notifier. It makes one attempt; the stage
// around it repeats it with growing pauses.
func (t *attempts) Notify(ctx context.Context, alerts ...*amalert.Alert) (retry bool, err error) {
	select {
	case t.slots <- struct{}{}:
		defer func() { <-t.slots }()
	case <-ctx.Done():
		return true, ctx.Err()
	}
	if ctx.Err() != nil {
		return true, ctx.Err()
	}
	m := t.a.metrics
	timed, cancel := outlive(ctx, t.a.cfg.AttemptTimeout, t.a.cfg.StopTimeout)
	defer cancel()
	m.attempts.WithLabelValues(t.receiver).Inc()
	began := time.Now()
	retry, err = t.inner.Notify(timed, alerts...)
	m.duration.WithLabelValues(t.receiver).Observe(time.Since(began).Seconds())
	if err == nil {
		m.sent.WithLabelValues(t.receiver).Inc()
		return false, nil
	}
	failure, known := errors.AsType[*webhook.SendError](err)
	if d := deliveryOf(ctx); d != nil && !(known && failure.Refused) {
		d.unknown = true
	}
	reason := amnotify.DefaultReason
	if known {
		reason = failure.Reason
	} else if classed, ok := errors.AsType[*amnotify.ErrorWithReason](err); ok {
		reason = classed.Reason
	}
	m.failed.WithLabelValues(t.receiver, reason.String()).Inc()
	err = amnotify.NewErrorWithReason(reason, errors.New(t.redact.Replace(err.Error())))
	if known && failure.After > 0 {
		sleep(ctx, failure.After)
	}
	return retry, err
}

// redacting takes secrets out of what integrations log.
type redacting struct {
	slog.Handler
	redact *strings.Replacer
}

func (h redacting) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, h.redact.Replace(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(slog.String(a.Key, h.redact.Replace(a.Value.String())))
		return true
	})
	return h.Handler.Handle(ctx, out)
}

func (h redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	return redacting{h.Handler.WithAttrs(attrs), h.redact}
}

func (h redacting) WithGroup(name string) slog.Handler {
	return redacting{h.Handler.WithGroup(name), h.redact}
}

// outlive answers a context with a timeout of its own that survives the end of
// ctx by the grace.
func outlive(ctx context.Context, timeout, grace time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return out, func() {
		stop()
		cancel()
	}
}

// sleep pauses; it answers false when the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

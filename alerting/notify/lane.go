package notify

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"
)

// held is an alert in a lane.
type held struct {
	Alert
	// confirmBy is set on alerts that come from the log of an earlier
	// process: unless put again by then, they have ended.
	confirmBy time.Time
}

// A lane is born when there is an alert for it and idle when there is none.
const (
	unborn = iota
	busy
	idle
)

// lane is one receiver's view of one group. The dispatcher's mutex guards
// group, alerts and state; the lane's goroutine alone touches the rest.
type lane struct {
	d        *Dispatcher
	receiver Receiver
	key      Key
	log      *slog.Logger

	group  map[string]string
	alerts map[uint64]*held
	state  int
	// woken carries one signal for each time an idle lane becomes busy.
	woken chan struct{}

	entry Entry
	// dirty says that the entry in the store is older than this one.
	dirty bool
}

func newLane(d *Dispatcher, r Receiver, key Key) *lane {
	return &lane{
		d: d, receiver: r, key: key,
		log:    d.cfg.Logger.With("receiver", r.Name, "group", key.Group),
		alerts: map[uint64]*held{},
		woken:  make(chan struct{}, 1),
		entry:  Entry{Key: key},
	}
}

// hold takes an alert or its new state. The caller holds the dispatcher's
// mutex.
func (l *lane) hold(h *held) {
	fp := h.Fingerprint()
	if l.alerts[fp] == nil {
		l.d.held++
	}
	l.alerts[fp] = h
}

// run flushes the group on its timer until the context ends. A group without
// alerts has no timer; its next alert is the first of a new one.
func (l *lane) run(ctx context.Context) {
	l.resume(ctx)
	timer := time.NewTimer(l.d.cfg.GroupWait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			if l.dirty {
				l.record(ctx)
			}
			return
		case <-l.woken:
			timer.Reset(l.d.cfg.GroupWait)
		case <-timer.C:
			l.flush(ctx)
			if !l.rest() {
				timer.Reset(l.d.cfg.GroupInterval)
			}
		}
	}
}

// rest makes the lane idle if it has nothing to do.
func (l *lane) rest() bool {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	if len(l.alerts) > 0 || l.dirty {
		return false
	}
	l.state = idle
	return true
}

// resume sends what an earlier process meant to send and may not have: the
// same bytes under the same id. An intent that is older than the repeat
// interval tells of a past nobody waits for; the present is decided anew.
func (l *lane) resume(ctx context.Context) {
	intent := l.entry.Intent
	if intent.ID == "" {
		return
	}
	if time.Since(intent.At) > l.d.cfg.RepeatInterval {
		l.log.Warn("notification of an earlier run is too old to be sent again", "id", intent.ID, "at", intent.At)
		l.entry.Intent = Delivery{}
		l.record(ctx)
		return
	}
	l.log.Info("sending again a notification whose outcome is unknown", "id", intent.ID)
	l.deliver(ctx, true)
}

// flush tells the receiver what it does not know yet, if anything.
func (l *lane) flush(ctx context.Context) {
	if l.dirty {
		l.record(ctx)
	}
	now := time.Now()
	group, alerts := l.snapshot(now)
	firing, resolved := partition(alerts)
	why := decide(&l.entry.Sent, firing, resolved, l.d.cfg.RepeatInterval, now)
	unknown := l.entry.Intent.ID != ""
	if why == doNotNotify && unknown {
		if why = decideUnknown(&l.entry.Intent, firing, resolved); why == doNotNotify {
			l.entry.Intent = Delivery{}
			l.record(ctx)
		}
	}
	if why == doNotNotify {
		l.forget(alerts)
		return
	}
	id := deliveryID(l.d.cfg.Scope, l.key, l.entry.Sent.ID, alerts)
	body, err := encode(l.key, group, why, l.d.cfg.ExternalURL, alerts, l.d.cfg.MaxAlertsPerMessage)
	if err != nil {
		l.log.Error("notification cannot be made", "err", err)
		return
	}
	l.entry.Intent = Delivery{ID: id, At: now, Firing: firing, Resolved: resolved, Body: body}
	l.record(ctx)
	if l.deliver(ctx, unknown) {
		l.forget(alerts)
	}
}

// snapshot answers copies of the alerts, in order, ending those of an earlier
// process that nobody has confirmed in time.
func (l *lane) snapshot(now time.Time) (group map[string]string, alerts []*Alert) {
	l.d.mu.Lock()
	for _, h := range l.alerts {
		if !h.confirmBy.IsZero() && !now.Before(h.confirmBy) && !h.Resolved() {
			h.EndsAt = now
		}
		a := h.Alert
		alerts = append(alerts, &a)
	}
	group = l.group
	l.d.mu.Unlock()
	sortAlerts(alerts)
	return group, alerts
}

// forget drops the resolved alerts the receiver now knows about, unless they
// fire again since.
func (l *lane) forget(told []*Alert) {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	for _, a := range told {
		fp := a.Fingerprint()
		if h := l.alerts[fp]; a.Resolved() && h != nil && h.Resolved() {
			delete(l.alerts, fp)
			l.d.held--
		}
	}
	l.d.metrics.alerts.Set(float64(l.d.held))
}

// deliver sends the intent until it is accepted, refused for good, or the
// group's next turn has come. It says whether it was accepted. unknown says
// that an attempt may have reached the receiver before.
func (l *lane) deliver(ctx context.Context, unknown bool) bool {
	l.d.metrics.waiting.Inc()
	defer l.d.metrics.waiting.Dec()
	intent := l.entry.Intent
	deadline := time.Now().Add(l.d.cfg.GroupInterval)
	for attempt := 0; ; attempt++ {
		err := l.attempt(ctx, &intent)
		if err == nil {
			l.d.metrics.sent.WithLabelValues(l.receiver.Name).Inc()
			l.entry.Sent, l.entry.Intent = intent, Delivery{}
			l.record(ctx)
			return true
		}
		failure, _ := errors.AsType[*SendError](err)
		unknown = unknown || failure == nil || !failure.Refused
		pause := l.pause(attempt, failure)
		switch {
		case ctx.Err() != nil:
			l.log.Warn("stopped before the receiver accepted the notification; it is sent after the next start", "id", intent.ID, "err", err)
			return false
		case failure != nil && failure.Permanent:
			l.giveUp(ctx, unknown)
			l.log.Error("receiver refuses the notification; it is told again at the group's next turn", "id", intent.ID, "err", err)
			return false
		case time.Now().Add(pause).After(deadline):
			l.giveUp(ctx, unknown)
			l.log.Error("notification is not delivered; it is sent again at the group's next turn", "id", intent.ID, "attempts", attempt+1, "err", err)
			return false
		}
		l.log.Warn("delivery attempt failed", "id", intent.ID, "attempt", attempt+1, "again_in", pause, "err", err)
		if !sleep(ctx, pause) {
			return false
		}
	}
}

// giveUp leaves an intent until the group's next turn. If the receiver has
// certainly not heard of it, its outcome is known and the intent is over.
func (l *lane) giveUp(ctx context.Context, unknown bool) {
	if !unknown {
		l.entry.Intent = Delivery{}
		l.record(ctx)
	}
}

// attempt sends once, within the receiver's concurrency.
func (l *lane) attempt(ctx context.Context, d *Delivery) error {
	slots := l.d.slots[l.receiver.Name]
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ctx, cancel := outlive(ctx, l.d.cfg.AttemptTimeout, l.d.cfg.StopTimeout)
	defer cancel()
	l.d.metrics.attempts.WithLabelValues(l.receiver.Name).Inc()
	began := time.Now()
	err := l.receiver.Send(ctx, d.ID, d.Body)
	l.d.metrics.duration.WithLabelValues(l.receiver.Name).Observe(time.Since(began).Seconds())
	if err != nil {
		reason := "other"
		if failure, ok := errors.AsType[*SendError](err); ok {
			reason = failure.Reason
		}
		l.d.metrics.failed.WithLabelValues(l.receiver.Name, reason).Inc()
	}
	return err
}

// pause is how long to wait after a failed attempt: what the receiver asked
// for, or a doubling time, spread over its upper half.
func (l *lane) pause(attempt int, failure *SendError) time.Duration {
	if failure != nil && failure.After > 0 {
		return failure.After
	}
	pause := l.d.cfg.RetryTo
	if attempt < 20 {
		pause = min(pause, l.d.cfg.RetryFrom<<attempt)
	}
	return pause/2 + rand.N(pause/2+1)
}

// record writes the entry to the log. Failing that, the entry stays dirty and
// is written at the group's next turn; the page does not wait for it.
func (l *lane) record(ctx context.Context) {
	ctx, cancel := outlive(ctx, l.d.cfg.RecordTimeout, l.d.cfg.StopTimeout)
	defer cancel()
	err := l.d.cfg.Record(ctx, l.entry)
	l.dirty = err != nil
	if err != nil {
		l.d.metrics.recordFailures.Inc()
		l.log.Error("notification log cannot be written; a crash now could repeat the notification", "err", err)
	}
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

package notify

import (
	"context"
	"errors"
	"log/slog"
	"time"

	amalert "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/nflog/nflogpb"
	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/timeinterval"
)

// pipeline is Alertmanager's, with four stages of ours (confirmed, whole,
// intent and deliver) among its own:
//
//	drain ─ confirmed ─ whole ─ inhibited ─ active times ─ mute times ─ silenced ─┬─ dedup ─ intent ─ retry ─ log   per integration
//	                                                                  └─ …
func (a *Alertmanager) pipeline(receivers map[string][]amnotify.Integration, inhibitor *inhibit.Inhibitor, times *timeinterval.Intervener) amnotify.RoutingStage {
	routing := amnotify.RoutingStage{}
	for name, integrations := range receivers {
		var fan amnotify.FanoutStage
		for i := range integrations {
			fan = append(fan, a.integrationStages(name, integrations[i]))
		}
		routing[name] = drained{&a.drain, amnotify.MultiStage{
			amnotify.StageFunc(a.confirmed),
			amnotify.StageFunc(a.whole),
			amnotify.NewMuteStage(inhibitor, a.pipelineMetrics),
			amnotify.NewTimeActiveStage(times, a.groupMarker, a.pipelineMetrics),
			amnotify.NewTimeMuteStage(times, a.groupMarker, a.pipelineMetrics),
			amnotify.NewMuteStage(a.silencer, a.pipelineMetrics),
			fan,
		}}
	}
	a.pipelineMetrics.InitializeFor(receivers)
	return routing
}

// confirmed is the stage that stops what another process tells.
func (a *Alertmanager) confirmed(ctx context.Context, _ *slog.Logger, alerts ...*amalert.Alert) (context.Context, []*amalert.Alert, error) {
	if err := a.cfg.Confirm(ctx); err != nil {
		return ctx, nil, err
	}
	return ctx, alerts, nil
}

func (a *Alertmanager) integrationStages(receiver string, i amnotify.Integration) amnotify.Stage {
	r := &nflogpb.Receiver{GroupName: receiver, Integration: i.Name(), Idx: uint32(i.Index())}
	return amnotify.MultiStage{
		&dedupStage{a.notified, r, amnotify.NewDedupStage(&i, a.notified, r)},
		&intentStage{a.notified, r, a.cfg.Scope},
		&deliverStage{a.notified, r, amnotify.NewRetryStage(i, receiver, a.pipelineMetrics, eventrecorder.Recorder{})},
		amnotify.NewSetNotifiesStage(a.notified, r),
	}
}

// dedupStage asks Alertmanager whether there is something to tell, and then
// whether the end of something is owed.
type dedupStage struct {
	log   *log
	r     *nflogpb.Receiver
	inner *amnotify.DedupStage
}

func (s *dedupStage) Exec(ctx context.Context, l *slog.Logger, alerts ...*amalert.Alert) (context.Context, []*amalert.Alert, error) {
	group, _ := amnotify.GroupKey(ctx)
	key := receiverKey(s.r, group)
	entry := s.log.read(ctx, key)
	ctx, tell, err := s.inner.Exec(ctx, l, alerts...)
	if err != nil || len(tell) > 0 || entry.Intent.ID == "" {
		return ctx, tell, err
	}
	firing, _ := amnotify.FiringAlerts(ctx)
	resolved, _ := amnotify.ResolvedAlerts(ctx)
	reason := owed(&entry.Intent, firing, resolved)
	if reason == amnotify.ReasonDoNotNotify {
		s.log.change(ctx, key, func(e *Entry) { e.Intent = Delivery{} })
		return ctx, nil, nil
	}
	return amnotify.WithNotificationReason(ctx, reason), alerts, nil
}

// intentStage writes down what is about to be said. If an earlier attempt,
// perhaps of an earlier process, was about to say the same, its very words are
// used again, under its id.
type intentStage struct {
	log   *log
	r     *nflogpb.Receiver
	scope string
}

func (s *intentStage) Exec(ctx context.Context, l *slog.Logger, alerts ...*amalert.Alert) (context.Context, []*amalert.Alert, error) {
	group, _ := amnotify.GroupKey(ctx)
	key := receiverKey(s.r, group)
	firing, _ := amnotify.FiringAlerts(ctx)
	resolved, _ := amnotify.ResolvedAlerts(ctx)
	reason, _ := amnotify.NotificationReason(ctx)
	repeat, _ := amnotify.RepeatInterval(ctx)

	before := s.log.read(ctx, key)
	d := &delivery{id: deliveryID(s.scope, key, before.Sent.ID, alerts), unknown: before.Intent.ID != ""}
	ctx = withDelivery(ctx, d)
	if before.Intent.ID == d.id && time.Since(before.Intent.At) <= repeat {
		said, again, err := decodeContent(before.Intent.Body)
		if err == nil {
			l.Info("sending again a notification whose outcome is unknown", "receiver", key.Receiver, "group", group, "id", d.id)
			return amnotify.WithNotificationReason(ctx, said), again, nil
		}
		l.Error("an intent in the notification log cannot be read", "receiver", key.Receiver, "group", group, "err", err)
	}
	body, err := encodeContent(reason, alerts)
	if err != nil {
		return ctx, nil, err
	}
	s.log.change(ctx, key, func(e *Entry) {
		e.Intent = Delivery{ID: d.id, At: time.Now(), Firing: sorted(firing), Resolved: sorted(resolved), Body: body}
	})
	return ctx, alerts, nil
}

// deliverStage is Alertmanager's retrying. When it gives up on a receiver that
// has certainly not heard of the notification, the intent is over.
type deliverStage struct {
	log   *log
	r     *nflogpb.Receiver
	inner *amnotify.RetryStage
}

func (s *deliverStage) Exec(ctx context.Context, l *slog.Logger, alerts ...*amalert.Alert) (context.Context, []*amalert.Alert, error) {
	out, sent, err := s.inner.Exec(ctx, l, alerts...)
	d := deliveryOf(ctx)
	if err != nil && d != nil && !d.unknown && !errors.Is(context.Cause(ctx), context.Canceled) {
		group, _ := amnotify.GroupKey(ctx)
		s.log.change(ctx, receiverKey(s.r, group), func(e *Entry) { e.Intent = Delivery{} })
	}
	return out, sent, err
}

// drained counts the notifications under way, so that a stop or a reload can
// wait for them.
type drained struct {
	drain *drain
	inner amnotify.Stage
}

func (s drained) Exec(ctx context.Context, l *slog.Logger, alerts ...*amalert.Alert) (context.Context, []*amalert.Alert, error) {
	s.drain.enter()
	defer s.drain.leave()
	if ctx.Err() != nil {
		return ctx, nil, ctx.Err()
	}
	return s.inner.Exec(ctx, l, alerts...)
}

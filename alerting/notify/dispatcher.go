package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config of a Dispatcher.
type Config struct {
	Receivers []Receiver
	// Scope sets the ids of this dispatcher's notifications apart from those
	// of others that use the same receivers; the tenant.
	Scope string
	// ExternalURL is the messages' externalURL.
	ExternalURL string
	// GroupBy are the labels that make a group. Default: alertname.
	GroupBy []string
	// GroupWait is how long a new group waits for more alerts before its
	// first notification. Default 0: the alerts of one evaluation come
	// together anyway.
	GroupWait time.Duration
	// GroupInterval is how long a group waits before it tells of changes.
	// Default 5m, as Alertmanager's.
	GroupInterval time.Duration
	// RepeatInterval is how long until a receiver is told again of a group
	// that fires unchanged. Default 4h, as Alertmanager's.
	RepeatInterval time.Duration
	// RestoreGrace is how long after Restore an alert of the log may be
	// missing from Put before it counts as ended. Default 10m.
	RestoreGrace time.Duration

	// AttemptTimeout bounds one attempt. Default 10s.
	AttemptTimeout time.Duration
	// RetryFrom and RetryTo bound the pause between attempts, which doubles
	// and is spread. Defaults 1s and 1m.
	RetryFrom, RetryTo time.Duration
	// StopTimeout is what an attempt under way gets when the dispatcher is
	// stopped, and then its log entry. Default 3s.
	StopTimeout time.Duration
	// RecordTimeout bounds one write of the log. Default 5s.
	RecordTimeout time.Duration
	// Concurrency is the number of attempts at once per receiver. Default 8.
	Concurrency int
	// MaxAlerts is the number of alerts held. Default 50,000.
	MaxAlerts int
	// MaxAlertsPerMessage is the number of alerts one message carries; it
	// says how many it leaves out. Default 10,000.
	MaxAlertsPerMessage int

	// Record writes an entry of the notification log durably. Nil keeps the
	// log in memory only.
	Record func(context.Context, Entry) error
	// Logger defaults to slog.Default().
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (c *Config) setDefaults() {
	if c.GroupBy == nil {
		c.GroupBy = []string{"alertname"}
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&c.GroupInterval, 5 * time.Minute},
		{&c.RepeatInterval, 4 * time.Hour},
		{&c.RestoreGrace, 10 * time.Minute},
		{&c.AttemptTimeout, 10 * time.Second},
		{&c.RetryFrom, time.Second},
		{&c.RetryTo, time.Minute},
		{&c.StopTimeout, 3 * time.Second},
		{&c.RecordTimeout, 5 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	if c.Concurrency <= 0 {
		c.Concurrency = 8
	}
	if c.MaxAlerts <= 0 {
		c.MaxAlerts = 50_000
	}
	if c.MaxAlertsPerMessage <= 0 {
		c.MaxAlertsPerMessage = 10_000
	}
	if c.Record == nil {
		c.Record = func(context.Context, Entry) error { return nil }
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

// ErrFull says that a dispatcher holds as many alerts as it may.
var ErrFull = errors.New("notify: too many alerts are held")

// Dispatcher brings alerts to receivers. Restore comes first if at all, then
// Run and Put, from any goroutine.
type Dispatcher struct {
	cfg     Config
	metrics *metrics
	slots   map[string]chan struct{}

	// mu guards the rest, and the alerts of all lanes: a Put is seen whole.
	mu    sync.Mutex
	lanes map[Key]*lane
	held  int
	// ctx is Run's; nil before. Lanes start once it is there.
	ctx     context.Context
	stopped bool
	wg      sync.WaitGroup
}

// New makes a dispatcher. The names of the receivers must differ.
func New(cfg Config) (*Dispatcher, error) {
	cfg.setDefaults()
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, fmt.Errorf("notify: metrics: %w", err)
	}
	d := &Dispatcher{cfg: cfg, metrics: m, slots: map[string]chan struct{}{}, lanes: map[Key]*lane{}}
	for _, r := range cfg.Receivers {
		if d.slots[r.Name] != nil {
			return nil, fmt.Errorf("notify: receiver %s is configured twice", r.Name)
		}
		d.slots[r.Name] = make(chan struct{}, cfg.Concurrency)
	}
	return d, nil
}

// Restore puts the notification log of an earlier process back. Entries of
// receivers that are not configured any more are left alone. Call it before
// Run.
func (d *Dispatcher) Restore(entries []Entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, entry := range entries {
		for _, r := range d.cfg.Receivers {
			if r.Name == entry.Key.Receiver {
				d.restore(r, entry)
			}
		}
	}
}

func (d *Dispatcher) restore(r Receiver, entry Entry) {
	l := newLane(d, r, entry.Key)
	l.entry = entry
	d.lanes[entry.Key] = l
	until := time.Now().Add(d.cfg.RestoreGrace)
	// The intent is the later of the two, so its alerts come last and win.
	// What it says is over is kept until the receiver certainly knows.
	for _, delivery := range []*Delivery{&entry.Sent, &entry.Intent} {
		if len(delivery.Body) == 0 {
			continue
		}
		alerts, err := decodeAlerts(delivery.Body)
		if err != nil {
			l.log.Error("notification log: a message cannot be read", "err", err)
		}
		for i := range alerts {
			if alerts[i].Resolved() && delivery == &entry.Sent {
				continue
			}
			l.group, _ = groupOf(&alerts[i], d.cfg.GroupBy)
			l.hold(&held{Alert: alerts[i], confirmBy: until})
		}
	}
	d.metrics.alerts.Set(float64(d.held))
}

// Put tells the dispatcher the present state of alerts; the receivers hear of
// all of them or none in one message. Putting the same state again does
// nothing. A resolved alert no receiver can have heard of is ignored. With
// ErrFull some of the alerts were not taken: put them again later.
func (d *Dispatcher) Put(alerts ...Alert) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	refused := 0
	woken := map[*lane]bool{}
	for i := range alerts {
		for _, r := range d.cfg.Receivers {
			l, ok := d.put(r, &alerts[i])
			if !ok {
				refused++
			}
			if l != nil {
				woken[l] = true
			}
		}
	}
	for l := range woken {
		d.wake(l)
	}
	d.metrics.alerts.Set(float64(d.held))
	if refused > 0 {
		d.metrics.refused.Add(float64(refused))
		return fmt.Errorf("%w: %d, and %d more were put", ErrFull, d.held, refused)
	}
	return nil
}

// put gives an alert to its lane, making one if need be, and answers the lane
// if it has been idle. It says whether the alert was taken.
func (d *Dispatcher) put(r Receiver, a *Alert) (idle *lane, ok bool) {
	group, groupKey := groupOf(a, d.cfg.GroupBy)
	key := Key{Receiver: r.Name, Group: groupKey}
	l := d.lanes[key]
	if l == nil || l.alerts[a.Fingerprint()] == nil {
		switch {
		case a.Resolved():
			return nil, true
		case d.held >= d.cfg.MaxAlerts:
			return nil, false
		case l == nil:
			l = newLane(d, r, key)
			d.lanes[key] = l
		}
	}
	l.group = group
	l.hold(&held{Alert: *a})
	if l.state != busy {
		return l, true
	}
	return nil, true
}

// wake sets a lane to work: its goroutine begins, or is told.
func (d *Dispatcher) wake(l *lane) {
	switch {
	case d.ctx == nil || d.stopped:
	case l.state == idle:
		l.state = busy
		l.woken <- struct{}{}
	case l.state == unborn:
		l.state = busy
		d.wg.Add(1)
		go func() {
			defer d.wg.Done()
			l.run(d.ctx)
		}()
	}
}

// Run delivers until the context ends. Then attempts under way get
// StopTimeout, and what was not delivered stays in the log as an intent.
func (d *Dispatcher) Run(ctx context.Context) {
	d.mu.Lock()
	d.ctx = ctx
	for _, l := range d.lanes {
		d.wake(l)
	}
	d.mu.Unlock()
	<-ctx.Done()
	d.mu.Lock()
	d.stopped = true
	d.mu.Unlock()
	d.wg.Wait()
}

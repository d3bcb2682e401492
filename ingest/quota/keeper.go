package quota

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Config is what a Keeper needs. The zero value has the default limits for all.
type Config struct {
	// Defaults are the limits of a tenant that is not in Tenants; the zero value
	// means DefaultLimits.
	Defaults Limits
	// Tenants are the limits, all of them, of single tenants.
	Tenants map[tenant.ID]Limits
	// Window is how long a series is active after a write (default 20 min).
	Window time.Duration
	// MaxTenants is how many tenants are remembered (default 2,000).
	MaxTenants int
	Registerer prometheus.Registerer // may be nil
	Logger     *slog.Logger
	Now        func() time.Time
}

func (c *Config) setDefaults() {
	if c.Defaults == (Limits{}) {
		c.Defaults = DefaultLimits()
	}
	if c.Window < time.Minute {
		c.Window = 20 * time.Minute
	}
	if c.MaxTenants <= 0 {
		c.MaxTenants = 2000
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// Keeper keeps every tenant's quota. Safe for concurrent use.
type Keeper struct {
	cfg Config

	mu      sync.RWMutex
	tenants map[tenant.ID]*Tenant
}

// New makes a Keeper.
func New(cfg Config) *Keeper {
	cfg.setDefaults()
	k := &Keeper{cfg: cfg, tenants: map[tenant.ID]*Tenant{}}
	if cfg.Registerer != nil {
		cfg.Registerer.MustRegister(collector{k})
	}
	return k
}

// Tenant is the tenant's quota. It is asked for once a request.
func (k *Keeper) Tenant(id tenant.ID) *Tenant {
	now := k.cfg.Now()
	k.mu.RLock()
	t := k.tenants[id]
	k.mu.RUnlock()
	if t == nil {
		t = k.admit(id, now)
	}
	t.meet(now)
	return t
}

func (k *Keeper) admit(id tenant.ID, now time.Time) *Tenant {
	k.mu.Lock()
	defer k.mu.Unlock()
	if t := k.tenants[id]; t != nil {
		return t
	}
	if len(k.tenants) >= k.cfg.MaxTenants {
		k.forgetOne()
	}
	limits, ok := k.cfg.Tenants[id]
	if !ok {
		limits = k.cfg.Defaults
	}
	limits = limits.filled()
	t := &Tenant{
		id: id, keeper: k, limits: limits,
		bytes: newBucket(limits.BytesPerSecond, now), records: newBucket(limits.RecordsPerSecond, now),
	}
	if limits.Series > 0 {
		t.series = &activeSeries{limit: limits.Series, window: uint32(k.cfg.Window / time.Minute)}
	}
	k.tenants[id] = t
	return t
}

// forgetOne forgets the tenant that was away longest. The caller holds mu.
func (k *Keeper) forgetOne() {
	var oldest *Tenant
	for _, t := range k.tenants {
		if oldest == nil || t.seen.Load() < oldest.seen.Load() {
			oldest = t
		}
	}
	delete(k.tenants, oldest.id)
}

// Tenant is one tenant's quota. Safe for concurrent use.
type Tenant struct {
	id             tenant.ID
	keeper         *Keeper
	limits         Limits
	bytes, records bucket
	series         *activeSeries // nil: without a limit
	watched        cardinality

	seen    atomic.Int64  // unix seconds of the last request
	minute  atomic.Uint32 // of the last request, since 1970
	turned  atomic.Uint32 // minute in which watched began a window
	told    atomic.Uint32 // minute in which the log was told of too many series
	refused struct{ bytes, records, series atomic.Int64 }
}

// Limits are the limits in force, defaults filled in.
func (t *Tenant) Limits() *Limits { return &t.limits }

// ID is whose quota it is.
func (t *Tenant) ID() tenant.ID { return t.id }

// meet notes a request.
func (t *Tenant) meet(now time.Time) {
	t.seen.Store(now.Unix())
	if t.series == nil {
		return
	}
	minute := uint32(now.Unix() / 60)
	if t.minute.Load() == minute {
		return
	}
	t.minute.Store(minute)
	t.series.sweep(minute)
	if turned := t.turned.Load(); minute-turned >= t.series.window && t.turned.CompareAndSwap(turned, minute) {
		t.watched.turn()
	}
}

// Ready is an *Exceeded when a request has to wait, nil when it may come.
func (t *Tenant) Ready() error {
	now := t.keeper.cfg.Now()
	if d := t.bytes.wait(now); d > 0 {
		t.refused.bytes.Add(1)
		return &Exceeded{Tenant: string(t.id), Limit: Bytes, Value: t.limits.BytesPerSecond, Wait: d}
	}
	if d := t.records.wait(now); d > 0 {
		t.refused.records.Add(1)
		return &Exceeded{Tenant: string(t.id), Limit: Records, Value: t.limits.RecordsPerSecond, Wait: d}
	}
	return nil
}

// Bytes takes the bytes of a request.
func (t *Tenant) Bytes(n int) { t.bytes.take(t.keeper.cfg.Now(), int64(n)) }

// Records takes records.
func (t *Tenant) Records(n int) { t.records.take(t.keeper.cfg.Now(), int64(n)) }

// Touch says that a point of the series was sent, and whether the series is
// active. When it is not, Activate decides whether it may be.
func (t *Tenant) Touch(fingerprint uint64) bool {
	return t.series == nil || t.series.touch(fingerprint, t.minute.Load())
}

// Activate makes a series active and says whether it could. What it is made of
// is looked at for the report only; the strings need not stay.
func (t *Tenant) Activate(fingerprint uint64, metric string, labels, resource []attribute.KeyValue) bool {
	if t.series == nil {
		return true
	}
	if !t.series.add(fingerprint, t.minute.Load()) {
		t.watched.see(metric, labels, resource)
		t.refused.series.Add(1)
		t.tell()
		return false
	}
	if t.series.count.Load() >= t.limits.Series/10 {
		t.watched.see(metric, labels, resource)
	}
	return true
}

// tell writes into the log, once a minute, which labels have the most values.
func (t *Tenant) tell() {
	minute := t.minute.Load()
	if told := t.told.Load(); told == minute || !t.told.CompareAndSwap(told, minute) {
		return
	}
	labels, metrics := t.watched.top()
	t.keeper.cfg.Logger.Warn("quota: a tenant has as many active series as it may; points of others are rejected",
		"tenant", t.id, "limit", Series, "value", t.limits.Series, "labels", describe(labels), "metrics", describeMetrics(metrics))
}

// most is the tenants to measure: all, or those with the most active series.
func (k *Keeper) most() []*Tenant {
	k.mu.RLock()
	all := slices.Collect(maps.Values(k.tenants))
	k.mu.RUnlock()
	if len(all) > maxMeasured {
		slices.SortFunc(all, func(a, b *Tenant) int { return cmp.Compare(b.active(), a.active()) })
		all = all[:maxMeasured]
	}
	return all
}

func (t *Tenant) active() int64 {
	if t.series == nil {
		return 0
	}
	return t.series.count.Load()
}

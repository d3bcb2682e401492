package journal

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

const (
	// maxUnwritten bounds the history that waits for a store that is away.
	maxUnwritten = 100_000
	// pause is how long the store is left alone after a failure.
	pause = 5 * time.Second
)

// Config of a Journal.
type Config struct {
	Store  *alertstore.Store // nil: nothing is written
	Tenant tenant.ID
	// Timeout bounds one attempt to write what waits.
	Timeout time.Duration
	Logger  *slog.Logger
	// Failed is told of every attempt that failed, Lost of events given up.
	Failed func()
	Lost   func(events int)
}

// Journal writes state and history, and keeps what could not be written. Many
// groups append at once: whoever writes next takes along what all of them have
// brought, in one insert.
type Journal struct {
	cfg Config

	writing sync.Mutex // held for the inserts

	mu sync.Mutex // held for a moment
	// instances are the newest states not written yet.
	instances map[instanceKey]alertstore.Instance
	fresh     []alertstore.Event
	waiting   int
	resumeAt  time.Time

	// frozen are batches of history an insert was tried with; they keep their
	// token, since that insert may have succeeded. Only under writing.
	frozen []historyBatch
}

type instanceKey struct{ rule, fingerprint uint64 }

type historyBatch struct {
	token  string
	events []alertstore.Event
}

// Append writes state and history. On return they are stored, unless the
// store is away; then they are kept and written by a later call.
func (j *Journal) Append(ctx context.Context, instances []alertstore.Instance, events []alertstore.Event) {
	if j.cfg.Store == nil || len(instances) == 0 && len(events) == 0 {
		return
	}
	j.mu.Lock()
	for _, in := range instances {
		in.UpdatedAt = j.cfg.Store.Stamp()
		j.put(in)
	}
	lost := max(0, j.waiting+len(events)-maxUnwritten)
	lost = min(lost, len(events))
	kept := events[:len(events)-lost]
	j.fresh = append(j.fresh, kept...)
	j.waiting += len(kept)
	away := time.Now().Before(j.resumeAt)
	j.mu.Unlock()
	if lost > 0 {
		j.cfg.Lost(lost)
		j.cfg.Logger.Error("alert history is lost: the store is away too long", "events", lost)
	}
	if !away {
		j.Flush(ctx)
	}
}

// Forget drops what is not written: another process goes on with the state.
func (j *Journal) Forget() {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.instances, j.fresh, j.frozen, j.waiting, j.resumeAt = nil, nil, nil, 0, time.Time{}
}

// New makes a journal.
func New(cfg Config) *Journal { return &Journal{cfg: cfg} }

func (j *Journal) put(in alertstore.Instance) {
	if j.instances == nil {
		j.instances = map[instanceKey]alertstore.Instance{}
	}
	j.instances[instanceKey{in.RuleID, in.Fingerprint}] = in
}

// Flush writes all that waits.
func (j *Journal) Flush(ctx context.Context) {
	if j.cfg.Store == nil {
		return
	}
	j.writing.Lock()
	defer j.writing.Unlock()
	instances := j.take()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.cfg.Timeout)
	defer cancel()
	err := j.writeInstances(ctx, instances)
	for err == nil && len(j.frozen) > 0 {
		batch := j.frozen[0]
		if err = j.cfg.Store.AppendHistory(ctx, j.cfg.Tenant, batch.token, batch.events); err == nil {
			j.frozen = j.frozen[1:]
			j.mu.Lock()
			j.waiting -= len(batch.events)
			j.mu.Unlock()
		}
	}
	if err == nil {
		return
	}
	j.cfg.Failed()
	j.cfg.Logger.Error("alert state is not stored; alerting goes on in memory", "err", err)
	j.mu.Lock()
	j.resumeAt = time.Now().Add(pause)
	j.mu.Unlock()
}

// take answers the states to write and freezes the new history.
func (j *Journal) take() []alertstore.Instance {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.fresh) > 0 {
		token := fmt.Sprintf("%s/history/%d", j.cfg.Tenant, j.cfg.Store.Stamp().UnixNano())
		j.frozen = append(j.frozen, historyBatch{token, j.fresh})
		j.fresh = nil
	}
	instances := slices.Collect(maps.Values(j.instances))
	j.instances = nil
	return instances
}

func (j *Journal) writeInstances(ctx context.Context, rows []alertstore.Instance) error {
	if len(rows) == 0 {
		return nil
	}
	token := fmt.Sprintf("%s/instances/%d", j.cfg.Tenant, j.cfg.Store.Stamp().UnixNano())
	err := j.cfg.Store.PutInstances(ctx, j.cfg.Tenant, token, rows)
	if err == nil {
		return nil
	}
	// Back they go, but for those that have a newer state by now.
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, in := range rows {
		if newer, ok := j.instances[instanceKey{in.RuleID, in.Fingerprint}]; !ok || newer.UpdatedAt.Before(in.UpdatedAt) {
			j.put(in)
		}
	}
	return err
}
